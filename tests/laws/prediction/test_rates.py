"""Peak rate and batch by the names of published rules."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config, to_config
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.run import (
    AskedRun,
    DataMix,
    DataSource,
    RunSpec,
    Schedule,
    Stage,
    load_asked_runs,
    load_runs,
    save_runs,
)
from optimoe.core.run.asked import BATCH, PEAK_RATE, asked_from_table
from optimoe.core.run.spec import run_table
from optimoe.laws.catalog import find_law
from optimoe.laws.prediction.rates import rule_value, settled

RUN = RunSpec(
    name="olmoe",
    architecture=to_config(find_model("olmoe-1b-7b")),
    tokens=10**6,
    batch_tokens=2048,
    seq_len=32,
    schedule=Schedule(peak_rate=0.003),
)
ARCH = from_config(RUN.architecture, "olmoe")


def asked(rate=None, batch=None, **fields):
    table = run_table(replace(RUN, **fields))
    table["schedule"]["peak_rate"] = rate or table["schedule"]["peak_rate"]
    return asked_from_table(table | {"batch_tokens": batch or table["batch_tokens"]}, "run")


def test_a_rule_by_its_name_or_what_begins_it_gives_what_its_law_gives():
    law = find_law("deepseek2024-hparams")
    at = law.arch_inputs(ARCH, 10**6)
    for name in ("deepseek2024-hparams", "deepseek"):
        assert rule_value(PEAK_RATE, name, ARCH, 10**6).value == law.peak_rate(**at)
        assert rule_value(BATCH, name, ARCH, 10**6).value == law.batch_tokens(**at)


def test_a_rule_says_what_lies_outside_of_its_runs():
    found = rule_value(PEAK_RATE, "deepseek", ARCH, 10**6)
    assert "arXiv 2401.02954" in found.words and ", at C = " in found.words
    assert found.careful[0].startswith("C ") and "fitted from" in found.careful[0]
    assert "routed experts (a dense law)" in found.careful
    inside = rule_value(PEAK_RATE, "yun", ARCH, 10**10)
    assert inside.careful == () and "Careful" not in inside.words


def test_the_batch_is_settled_before_a_rate_that_depends_on_it():
    run = settled(asked("marin2026-lr-may", "deepseek", tokens=10**9))
    batch = rule_value(BATCH, "deepseek", ARCH, run.tokens).value
    assert run.batch_tokens == round(batch / run.seq_len) * run.seq_len != RUN.batch_tokens
    rate = rule_value(PEAK_RATE, "marin2026-lr-may", ARCH, run.tokens, run.batch_tokens).value
    assert run.schedule.peak_rate == rate
    assert (
        run.notes.startswith(f"Batch of {run.batch_tokens:,} tokens by DeepSeek-AI") and "Peak rate" in run.notes
    )


def test_a_run_by_rule_is_the_run_of_its_numbers():
    run = settled(asked("tian"))
    assert run == replace(RUN, schedule=run.schedule, notes=run.notes)
    assert run.run_id == replace(run, notes="").run_id != RUN.run_id
    assert settled(AskedRun(run=RUN)) == RUN


@pytest.mark.parametrize(
    ("rate", "batch", "error", "words"),
    [
        ("deepsek", None, UnknownNameError, "schedule.peak_rate: unknown name 'deepsek' (nearest: deepseek2024"),
        (None, "ludziejewski", UnknownNameError, "batch_tokens: unknown name 'ludziejewski' (known: deepseek2024"),
        (
            "marin",
            None,
            ConfigError,
            "must be one rule, got 'marin', with which marin2026-lr-v16, marin2026-lr-may",
        ),
        ("steplaw", None, ConfigError, "law steplaw2025: must be a dense model"),
        (" ", None, ConfigError, "peak_rate"),
    ],
)
def test_a_rule_that_is_none_is_refused_in_one_line(rate, batch, error, words):
    with pytest.raises(error) as refused:
        settled(asked(rate, batch))
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_run_of_stages_states_its_batch():
    data = DataMix(sources=(DataSource(name="a"),))
    staged = replace(RUN, tokens=2048, data=data, stages=(Stage(tokens=2048, sources=data.sources),))
    with pytest.raises(ConfigError, match="batch_tokens: must be a number in a run of stages, got tian"):
        AskedRun(run=staged, batch_rule="tian")
    assert settled(AskedRun(run=staged, rate_rule="tian")).schedule.peak_rate > 0


def test_a_file_states_rules_where_it_may_state_numbers(tmp_path):
    save_runs(tmp_path / "run.toml", [RUN])
    text = (tmp_path / "run.toml").read_text()
    text = text.replace("peak_rate = 0.003", 'peak_rate = "tian"').replace(
        "batch_tokens = 2048", 'batch_tokens = "tian"'
    )
    (tmp_path / "ruled.toml").write_text(text)
    (one,) = load_asked_runs(tmp_path / "ruled.toml")
    assert (one.rate_rule, one.batch_rule, one.run.name) == ("tian", "tian", "olmoe")
    with pytest.raises(ConfigError, match="run olmoe"):
        load_runs(tmp_path / "ruled.toml")
    assert load_asked_runs(tmp_path / "run.toml") == (AskedRun(run=RUN),)
