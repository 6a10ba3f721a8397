from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.run import DataMix, DataSource, Optimizer, RunLayout, RunSpec, Schedule, Stage, Start
from optimoe.core.run.stages import scaled_stages
from tests.core.run.cases import CONFIG, RUN

RATE = Schedule(peak_rate=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "name: must be given"),
        ({"name": "a\nb"}, "name: must be given, on one line"),
        ({"tokens": 1.5}, "tokens: must be a whole number, got 1.5"),
        ({"tokens": 0}, "tokens: must be positive, got 0"),
        ({"tokens": True}, "tokens: must be a whole number, got True"),
        ({"batch_tokens": 3000}, "batch_tokens: must be a multiple of seq_len = 2048, got 3000"),
        ({"seed": -1}, "seed: must be zero or more, got -1"),
        ({"precision": "bf32"}, "precision: unknown name 'bf32' (nearest: "),
        ({"init_std": 0.0}, "init_std: must be positive and finite, got 0.0"),
        ({"architecture": {}}, "architecture.model_type: must be given, got None"),
        ({"architecture": {"model_type": 3}}, "architecture.model_type: must be given, got 3"),
        ({"architecture": CONFIG | {"null": 1}}, "architecture: must be of fields not called"),
        ({"architecture": CONFIG | {"a": [None]}}, "architecture.a: must be a list without nulls"),
        ({"router": {"scale": 1.0}}, "router.kind: must be given, got None"),
        (
            {"router": {"kind": "top_k", "capacity_factor": float("inf")}},
            "router.capacity_factor: must be a finite",
        ),
        ({"losses": {"balance": None}}, "losses.balance: must be left out rather than null"),
        ({"schedule": Schedule(peak_rate=1.0, warmup_tokens=10**12)}, "schedule.warmup_tokens: must be at most"),
        ({"layout": {"tp": 1}}, "layout: must be a RunLayout"),
    ],
)
def test_a_run_out_of_limits_is_refused_with_the_field(change, words):
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        replace(RUN, **change)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_stages_are_the_whole_of_a_run_and_of_its_data():
    data, short = (
        DataMix(sources=(DataSource(name="a"), DataSource(name="b"))),
        replace(RUN.schedule, warmup_tokens=0),
    )
    run = replace(RUN, tokens=2 * RUN.batch_tokens, data=data, schedule=short)
    first, second = (Stage(tokens=RUN.batch_tokens, sources=(source,)) for source in data.sources)
    assert replace(run, stages=(first, second)).stage_ends == (1, 2) and run.stage_ends == (2,)
    assert (
        replace(run, stages=(first, second)).run_id != run.run_id != replace(run, start=Start(folder="a")).run_id
    )
    half = Stage(tokens=RUN.batch_tokens // 2, sources=(data.sources[0],))
    for stages, words in (
        ((first,), "tokens: must be those of all stages, 131072, got 262144"),
        ((first, half), "stages: stage 2: tokens: must be a multiple of batch_tokens = 131072, got 65536"),
        (
            (first, replace(second, sources=(DataSource(name="c"),))),
            "stage 2: sources: must be of data.sources, a, b",
        ),
        ((first,) * 65, "stages: must be at most 64, got 65"),
    ):
        with pytest.raises(ConfigError, match=words):
            replace(run, stages=stages)
    with pytest.raises(ConfigError, match="warmup_tokens: must be at most the tokens of each stage, 131072"):
        replace(run, stages=(first, second), schedule=replace(short, warmup_tokens=200_000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Optimizer(name="adam"), "name: unknown name 'adam' (nearest: adamw)"),
        (lambda: Optimizer(betas=(0.9, 1.0)), "betas: must be from 0 to below 1"),
        (lambda: Optimizer(betas=(0.9,)), "betas: must be two numbers"),
        (lambda: Optimizer(weight_decay=float("inf")), "weight_decay: must be finite"),
        (lambda: Schedule(peak_rate=0.0), "peak_rate: must be positive and finite"),
        (lambda: Schedule(peak_rate=1.0, kind="cosinus"), "kind: unknown name 'cosinus' (nearest: cosine)"),
        (lambda: Schedule(peak_rate=1.0, cooldown_share=1.5), "cooldown_share: must be from 0 to 1"),
        (lambda: RunLayout(tp=2.0), "tp: must be a whole number, got 2.0"),
        (lambda: RunLayout(ep=3, dp=4), "ep: must be a divisor of tp · dp = 4, got 3"),
        (lambda: RunLayout(zero=4), "zero: must be one of"),
        (lambda: DataSource(name="a", weight=0.0), "weight: must be positive"),
        (lambda: Stage(tokens=1, sources=()), "sources: must be one or more, each named once, got none"),
        (lambda: Stage(tokens=0, sources=(DataSource(name="a"),)), "tokens: must be positive, got 0"),
        (
            lambda: Stage(tokens=1, sources=(DataSource(name="a"),), distillation=-1.0),
            "distillation: must be zero or",
        ),
        (
            lambda: Stage(tokens=1, sources=(DataSource(name="a"),), growth={"a": 1}, lora={"rank": 1}),
            "lora: must be empty in a stage that grows",
        ),
        (lambda: Start(folder=""), "folder: must be given"),
        (lambda: DataMix(sources=(DataSource(name="a"),) * 2), "sources: must be named once each, got a"),
    ],
)
def test_a_part_out_of_limits_is_refused_with_the_field(make, words):
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        make()
    assert words in str(caught.value)


def test_a_run_does_not_change_with_the_table_it_was_made_from():
    config = {"model_type": "llama", "rope_scaling": {"factor": 2.0}}
    run = RunSpec(name="a", architecture=config, tokens=1, batch_tokens=1, seq_len=1, schedule=RATE)
    config["rope_scaling"]["factor"] = 4.0
    assert run.architecture["rope_scaling"] == {"factor": 2.0}


def test_the_id_is_of_what_a_run_does_and_not_of_what_is_said_about_it():
    assert replace(RUN, name="another", source="", notes="").run_id == RUN.run_id
    assert replace(RUN, schedule=replace(RUN.schedule, cooldown_share=1)).run_id != RUN.run_id
    whole = replace(RUN, init_std=1, schedule=replace(RUN.schedule, cooldown_share=1, peak_rate=1))
    real = replace(RUN, init_std=1.0, schedule=replace(RUN.schedule, cooldown_share=1.0, peak_rate=1.0))
    assert whole.run_id == real.run_id
    reordered = replace(RUN, architecture=dict(reversed(RUN.architecture.items())))
    assert reordered.run_id == RUN.run_id


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": 1_000_001},
        {"seed": 1},
        {"precision": "fp32"},
        {"layout": None},
        {"router": {}},
        {"data": DataMix(seed=1)},
        {"architecture": CONFIG | {"hidden_size": 512}},
    ],
)
def test_whatever_changes_a_run_changes_its_id(change):
    assert replace(RUN, **change).run_id != RUN.run_id


def test_the_id_stays_what_it_was():
    run = RunSpec(
        name="a",
        architecture={"model_type": "llama", "hidden_size": 64},
        tokens=1_000_000,
        batch_tokens=4096,
        seq_len=256,
        schedule=RATE,
    )
    assert run.run_id == "719cef21cf02a42b"
    assert run.steps == 245


def test_stages_with_a_share_of_their_tokens_are_whole_steps():
    stages = tuple(Stage(tokens=tokens, sources=(DataSource(name="a"),)) for tokens in (1000, 3000))
    assert [one.tokens for one in scaled_stages(stages, 0.5, 100)] == [500, 1500]
    assert [one.tokens for one in scaled_stages(stages, 0.01, 100)] == [100, 100]
