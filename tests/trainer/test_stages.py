"""A run over distributions keeps what is frozen, says what was forgotten, and may begin with others' weights."""

import json
from dataclasses import replace

import pytest
import torch

from optimoe.arch.flops import prefill_flops
from optimoe.core.errors import ConfigError, InputError
from optimoe.core.run import (
    DataMix,
    DataSource,
    RunLayout,
    Schedule,
    Stage,
    Start,
    load_runs,
    retention,
    save_runs,
)
from optimoe.models.convert.hf import save_hf
from optimoe.trainer.checkpoints.state import load_state
from optimoe.trainer.corpus.make import make_corpus
from optimoe.trainer.results import trained
from optimoe.trainer.results.record import RunCounts
from optimoe.trainer.setup import formed_model, make_model, run_arch
from optimoe.trainer.stages.start import start_model
from optimoe.trainer.steps.optimizers import make_optimizers
from optimoe.trainer.train import train
from optimoe.trainer.trunks import shared_steps
from tests.trainer.world import ARCHITECTURE, QUIET, Stop, corpus_at, make_run, stopped_after, under_torchrun

DENSE = {"model_type": "llama"} | {
    name: value
    for name, value in ARCHITECTURE.items()
    if name not in ("model_type", "num_local_experts", "num_experts_per_tok")
}
WORDS_DATA, DIGITS_DATA = DataSource(name="words"), DataSource(name="digits")
MIX = DataMix(sources=(WORDS_DATA, DIGITS_DATA))
GROWTH = {"num_new_experts": 2, "dense": "frozen"}

SELDOM = replace(QUIET, checkpoint_steps=0)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Words, and digits that have nothing in common with them."""
    folder = tmp_path_factory.mktemp("digits")
    for number in range(40):
        (folder / f"{number}.txt").write_text(" ".join(str(number * at % 97) for at in range(150)))
    digits, _ = make_corpus(folder / "made", [folder], held_out_share=0.1)
    return [corpus_at(tmp_path_factory.mktemp("words")), digits]


def two_stages(steps=(6, 6), start=None, **second):
    run = make_run(steps=sum(steps), schedule=Schedule(peak_rate=1e-2, warmup_tokens=128))
    first = Stage(tokens=steps[0] * 128, sources=(WORDS_DATA,))
    then = Stage(tokens=steps[1] * 128, sources=(DIGITS_DATA,), **second)
    return replace(run, stages=(first, then), data=MIX, start=start)


def model_at(folder, run, step):
    return trained.model_at(run, folder / f"checkpoints/step-{step:08d}", step)


def test_each_stage_learns_its_own_data_and_the_record_says_what_of_the_others_is_left(corpora, tmp_path):
    run = two_stages((30, 30))
    record = train(run, tmp_path / "run", corpora, SELDOM)
    before, first, second = record.by_stage
    assert [list(row) for row in record.by_stage] == [["words", "digits"]] * 3
    assert first["words"] < before["words"] - 1 and second["digits"] < first["digits"] - 1
    of_words, of_digits = retention(record).values()
    assert (
        of_words.gain == before["words"] - first["words"] and of_digits.gain == first["digits"] - second["digits"]
    )
    assert of_words.forgotten == second["words"] - first["words"] > 0.5 and of_digits.forgotten == 0
    assert record.loss == pytest.approx((second["words"] + second["digits"]) / 2)
    assert [point.tokens for point in record.curve] == [0, 30 * 128, 60 * 128]
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    rates = [json.loads(line)["rate"] for line in lines]
    assert rates[:30] == pytest.approx(rates[30:]) and rates[29] < rates[20] == 1e-2
    assert load_runs(tmp_path / "run/run.toml") == (run,)


def test_grown_experts_learn_while_old_ones_keep_every_bit(corpora, tmp_path):
    run = two_stages(growth=GROWTH, distillation=1.0)
    record = train(run, tmp_path / "run", corpora, QUIET)
    old, new = model_at(tmp_path / "run", run, 6).state_dict(), model_at(tmp_path / "run", run, 12).state_dict()
    for name in ("w_in", "w_out"):
        frozen = new[f"blocks.0.ffn.experts.parametrizations.{name}.0.frozen"]
        assert torch.equal(frozen, old[f"blocks.0.ffn.experts.{name}"])
        grown = new[f"blocks.0.ffn.experts.parametrizations.{name}.original"]
        assert len(grown) == 2 and (grown - frozen[:2]).abs().max() > 0.01
    assert torch.equal(new["embedding.weight"], old["embedding.weight"])
    ids = torch.arange(32)[None]
    whole, grown = trained.load_run(tmp_path / "run").model, model_at(tmp_path / "run", run, 12).eval()
    assert whole.arch.moe.num_experts == 6 and torch.equal(whole(ids).logits_BSV, grown(ids).logits_BSV)
    counts = RunCounts.of(run)
    larger = make_run(architecture=ARCHITECTURE | {"num_local_experts": 6})
    assert record.params_total == RunCounts.of(larger).params.total
    assert record.train_flops == pytest.approx(768 * sum(counts.flops_per_token))
    before, after = (prefill_flops(run_arch(one), run.seq_len) for one in (run, larger))
    first, second = counts.flops_per_token
    frozen = after.attention_projections + after.unembedding + 2 / 3 * (after.router + after.routed_experts)
    assert first == 3 * before.total and second == pytest.approx(3 * after.total - frozen + before.total)


def test_distillation_holds_outputs_near_those_before(corpora, tmp_path):
    losses = {
        weight: train(
            two_stages((20, 20), growth=GROWTH, distillation=weight), tmp_path / str(weight), corpora, QUIET
        )
        for weight in (0.0, 100.0)
    }
    forgotten = {weight: one.by_stage[2]["words"] - one.by_stage[1]["words"] for weight, one in losses.items()}
    assert abs(forgotten[100.0]) < 0.3 * forgotten[0.0]


SECONDS = {
    "grown": {"growth": GROWTH, "distillation": 0.5},
    "lora": {"lora": {"rank": 2}},
}


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_a_run_cut_anywhere_ends_with_the_bits_of_an_uncut_one(corpora, tmp_path, second):
    run, how = two_stages(**second), replace(QUIET, keep=1, evaluations=0)
    whole = train(run, tmp_path / "whole", corpora, how)
    for steps in (5, 7, 11):  # in the first stage, right after it, and in the second
        with pytest.raises(Stop):
            train(run, tmp_path / "cut", corpora, how, watch=stopped_after(steps))
    cut = train(run, tmp_path / "cut", corpora, how)
    assert cut.by_stage == whole.by_stage and [p.loss for p in cut.curve] == [p.loss for p in whole.curve]
    states = []
    for name in ("cut", "whole"):
        model = formed_model(run, 12)
        optimizers = make_optimizers(model, run.optimizer)
        load_state(tmp_path / name / "checkpoints/step-00000012", model, optimizers, None)
        moments = [tensor for one in optimizers for state in one.state.values() for tensor in state.values()]
        states.append([*model.state_dict().values(), *moments])
    assert all(torch.equal(one, other) for one, other in zip(*states, strict=True))
    assert {path.name[-2:] for path in (tmp_path / "cut/checkpoints").iterdir()} == {"06", "08", "12"}


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_two_ranks_do_stages_as_one_process_does(corpora, tmp_path, second):
    run = replace(two_stages((3, 3), **second), layout=RunLayout(dp=2, ep=2, zero=3, micro_batch=4))

    def on_ranks(rank):
        return train(run, tmp_path / "two", corpora, SELDOM).by_stage

    alone = train(run, tmp_path / "one", corpora, SELDOM).by_stage
    for by_stage, _, status in under_torchrun(on_ranks, tmp_path):
        assert status == 0
        for row, expected in zip(by_stage, alone, strict=True):
            assert row == pytest.approx(expected, abs=2e-5)
    one, two = (model_at(tmp_path / name, run, 6).state_dict() for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-4)


RIVALS = {
    "dense": {},
    "replay": {"sources": (DIGITS_DATA, WORDS_DATA)},
    "lora": {"lora": {"rank": 2}},
    "grown": {"growth": GROWTH, "distillation": 1.0},
}


@pytest.mark.parametrize("second", RIVALS)
def test_rivals_share_the_stages_that_they_begin_with_and_end_with_their_own_bits(corpora, tmp_path, second):
    base = two_stages((5, 5))
    first, then = base.stages
    rival = replace(base, stages=(first, replace(then, **RIVALS[second])))
    train(base, tmp_path / "base", corpora, QUIET)
    said = []
    options = {"say": said.append, "trunks": [tmp_path / "base"]}
    if rival != base:  # else there is no step left to stop at
        with pytest.raises(Stop):
            train(rival, tmp_path / "rival", corpora, QUIET, watch=stopped_after(7), **options)
    shared = train(rival, tmp_path / "rival", corpora, QUIET, **options)
    alone = train(rival, tmp_path / "alone", corpora, QUIET)
    steps = shared_steps(rival, base)
    assert steps == (10 if rival == base else 5)
    assert f"begins with {tmp_path / 'base'}/checkpoints/step-{steps:08d}" in said
    assert (shared.loss, shared.by_stage, shared.router) == (alone.loss, alone.by_stage, alone.router)
    assert [point.loss for point in shared.curve] == [point.loss for point in alone.curve]
    ends = (model_at(tmp_path / name, rival, 10).state_dict() for name in ("rival", "alone"))
    for (name, one), other in zip(next(ends).items(), next(ends).values(), strict=True):
        assert torch.equal(one, other), name


def test_rivals_share_no_more_than_the_stages_that_are_alike():
    base = two_stages((5, 5))
    base = replace(base, tokens=15 * 128, stages=(*base.stages, base.stages[0]))
    first, second, third = base.stages
    distilled = replace(second, distillation=1.0)
    for changed, steps in (
        ({"stages": (first, second, replace(third, lora={"rank": 2}))}, 10),
        ({"stages": (first, distilled, third)}, 5),
        ({"stages": (replace(first, distillation=1.0), second, third)}, 0),
        ({"stages": (first, second), "tokens": 10 * 128}, 10),
        ({"schedule": replace(base.schedule, cooldown_share=0.5)}, 0),
        ({"seed": 1}, 0),
        ({"stages": (), "tokens": 15 * 128}, 0),
        ({"name": "other"}, 15),
    ):
        other = replace(base, **changed)
        assert shared_steps(base, other) == shared_steps(other, base) == steps


def test_a_rival_begins_after_a_stage_that_is_distilled(corpora, tmp_path):
    base = two_stages((4, 4), distillation=1.0)
    longer = replace(base, tokens=12 * 128, stages=(*base.stages, base.stages[0]))
    train(base, tmp_path / "base", corpora, QUIET)
    shared = train(longer, tmp_path / "longer", corpora, QUIET, trunks=[tmp_path / "base"])
    alone = train(longer, tmp_path / "alone", corpora, QUIET)
    assert (shared.loss, shared.by_stage) == (alone.loss, alone.by_stage)


def test_lora_begins_as_its_base_and_leaves_it_as_it_is(corpora, tmp_path):
    run = two_stages((2, 6), lora={"rank": 2})
    run = replace(run, architecture=DENSE)
    train(run, tmp_path / "run", corpora, QUIET)
    base, adapted = model_at(tmp_path / "run", run, 2), model_at(tmp_path / "run", run, 8)
    ids = torch.arange(32)[None]
    fresh = formed_model(run, 8)
    changed = {name for name, parameter in fresh.named_parameters() if parameter.requires_grad}
    (_, counted), low_rank = RunCounts.of(run).flops_per_token, 6 * 768  # of 24 matrices of rank 2
    passes = prefill_flops(run_arch(run), run.seq_len)
    assert counted == 2 * passes.total + passes.attention_scores + low_rank
    assert len(changed) == 2 * 2 * (4 + 2) and all(".parametrizations.weight.0." in name for name in changed)
    for name, tensor in adapted.state_dict().items():
        if name.endswith("original"):
            plain = name.replace("parametrizations.weight.original", "weight")
            assert torch.equal(tensor, base.state_dict()[plain])
        elif name in base.state_dict():
            assert torch.equal(tensor, base.state_dict()[name])
    assert not torch.equal(adapted(ids).logits_BSV, base(ids).logits_BSV)
    whole = trained.load_run(tmp_path / "run").model
    assert not any("parametrizations" in name for name in whole.state_dict())
    assert torch.equal(whole(ids).logits_BSV, adapted(ids).logits_BSV)
    for name, parameter in adapted.named_parameters():
        if name.endswith("up_BR"):
            torch.nn.init.zeros_(parameter)
    assert torch.equal(adapted(ids).logits_BSV, base(ids).logits_BSV)


UPCYCLED = {"architecture": ARCHITECTURE, "router": {"kind": "top_k", "normalised": True}}


def test_an_upcycled_run_begins_with_the_loss_of_its_dense_start(corpora, tmp_path):
    dense = make_run(steps=6, architecture=DENSE)
    ended = train(dense, tmp_path / "dense", corpora[:1], QUIET)
    run = make_run(steps=4, start=Start(folder=str(tmp_path / "dense")), **UPCYCLED)
    record = train(run, tmp_path / "run", corpora[:1], QUIET)
    assert record.curve[0].loss == pytest.approx(ended.loss, abs=1e-5)
    noisy = replace(run, start=replace(run.start, upcycling={"noise": 9.0}))
    assert abs(train(noisy, tmp_path / "noisy", corpora[:1], QUIET).curve[0].loss - ended.loss) > 1e-3


def test_a_run_begins_with_another_runs_weights_and_grows_from_there(corpora, tmp_path):
    first = train(make_run(steps=6, data=DataMix(sources=(WORDS_DATA,))), tmp_path / "a", corpora[:1], QUIET)
    start = Start(folder=str(tmp_path / "a"))
    run = make_run(steps=6, start=start)
    assert train(run, tmp_path / "again", corpora[:1], QUIET).curve[0].loss == first.loss
    stage = Stage(tokens=6 * 128, sources=(DIGITS_DATA,), growth=GROWTH)
    grown = replace(run, data=MIX, stages=(stage,))
    train(grown, tmp_path / "grown", corpora, QUIET)
    assert len(model_at(tmp_path / "grown", grown, 6).blocks[0].ffn.experts.w_in) == 6


def test_a_run_begins_with_a_hugging_face_checkpoint(corpora, tmp_path):
    dense = make_model(make_run(architecture=DENSE), torch.device("cpu"), 257)
    save_hf(dense, tmp_path / "hf", "llama")
    start = Start(folder=str(tmp_path / "hf"))
    for fields in ({"architecture": DENSE}, UPCYCLED):
        model = make_model(make_run(seed=1, **fields), torch.device("cpu"), 257)
        ids = torch.arange(64)[None]
        assert not torch.allclose(model(ids).logits_BSV, dense(ids).logits_BSV, atol=1e-3)
        begun = start_model(start, model)
        torch.testing.assert_close(begun(ids).logits_BSV, dense(ids).logits_BSV, rtol=0, atol=1e-5)


def test_stages_and_starts_that_cannot_be_are_refused_before_the_first_step(corpora, tmp_path):
    train(make_run(steps=2, architecture=DENSE), tmp_path / "dense", corpora[:1], QUIET)
    run, start = two_stages(), Start(folder=str(tmp_path / "dense"))
    grown, unlike = two_stages(growth=GROWTH).stages, {"kind": "top_k", "normalised": False}
    for wrong, words in (
        (replace(run, architecture=DENSE, stages=grown), "arch: must be a model with routed"),
        (two_stages(growth={"num_experts": 1}), "growth: field: unknown name 'num_experts'"),
        (two_stages(lora={"rank": 0}), "rank: must be positive, got 0"),
        (replace(run, start=start, router=unlike), "router: gates must sum to one"),
        (make_run(start=start, architecture=DENSE | {"hidden_size": 32}), "start.folder .* must be of the run's"),
        (make_run(start=Start(folder=str(tmp_path / "none"))), "none"),
    ):  # fmt: skip
        with pytest.raises((ConfigError, InputError), match=words) as caught:
            train(wrong, tmp_path / "run", corpora, QUIET, watch=stopped_after(1))
        assert "\n" not in str(caught.value)
        (tmp_path / "run/run.toml").unlink()


def test_a_stage_whose_beginning_is_lost_says_which_checkpoint_it_needs(corpora, tmp_path):
    run = two_stages(growth=GROWTH, distillation=1.0)
    with pytest.raises(Stop):
        train(run, tmp_path / "run", corpora, QUIET, watch=stopped_after(9))
    (tmp_path / "run/checkpoints/step-00000006/manifest.json").unlink()
    with pytest.raises(InputError, match="must hold a whole checkpoint of step 6, where a stage ended"):
        train(run, tmp_path / "run", corpora, QUIET)


def test_stages_are_written_and_read_back(tmp_path):
    run = two_stages(start=Start(folder="a", upcycling={"noise": 0.1}), growth=GROWTH, distillation=0.5)
    for ending in ("toml", "json"):
        save_runs(tmp_path / f"runs.{ending}", [run])
        assert load_runs(tmp_path / f"runs.{ending}") == (run,)
