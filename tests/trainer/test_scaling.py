"""Training in float16: the loss is scaled, a step whose gradient overflows is skipped by all, and counted."""

from dataclasses import replace

import pytest
import torch

from optimoe.core.run import load_run_records
from optimoe.trainer.batches.loader import Loader
from optimoe.trainer.results.folder import load_metrics
from optimoe.trainer.setup import make_model
from optimoe.trainer.steps import scaling
from optimoe.trainer.steps.scaling import LossScaler
from optimoe.trainer.steps.step import DivergedError, Stepper
from optimoe.trainer.train import train
from tests.trainer.world import QUIET, Stop, corpus_at, make_run, state_of, stopped_after, under_torchrun

HALF = {"precision": "fp16"}
OVERFLOWING = 2.0**26
"""A first scale from which a small run comes down in a few steps."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("corpus"))


def test_a_run_in_float16_learns_what_one_in_float32_learns(corpus, tmp_path):
    half, full = (
        train(make_run(steps=24, precision=name), tmp_path / name, [corpus], QUIET) for name in ("fp16", "fp32")
    )
    assert half.loss == pytest.approx(full.loss, abs=0.01) and half.loss != full.loss
    assert (half.how["skipped_steps"], half.how["loss_scale"]) == (0, 2.0**16)
    assert "skipped_steps" not in full.how
    assert [line["loss_scale"] for line in load_metrics(tmp_path / "fp16")] == [2.0**16] * 24


def test_a_scaled_loss_moves_weights_by_the_same_bits(corpus):
    def weights(scaler):
        run = make_run()
        model = make_model(run, torch.device("cpu"), 257)
        stepper = replace(Stepper.of(run, model, QUIET), scaler=scaler)
        batch = Loader([corpus], [1.0], 32, 0).sequences(0, 4)
        for _ in range(3):
            stepper([batch], 1e-2, "here")
        return model.state_dict().values()

    for one, other in zip(weights(None), weights(LossScaler()), strict=True):
        assert torch.equal(one, other)


def test_overflowing_steps_are_skipped_and_counted_and_a_cut_run_ends_with_the_same_bits(
    corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(scaling, "START", OVERFLOWING)
    run = make_run(**HALF)
    whole = train(run, tmp_path / "whole", [corpus], QUIET)
    skipped = whole.how["skipped_steps"]
    assert whole.status == "finished" and 1 < skipped < 10
    assert whole.how["loss_scale"] == OVERFLOWING / 2**skipped and whole.loss < whole.curve[0].loss
    lines = load_metrics(tmp_path / "whole")
    assert sum(line["grad_norm"] == {} for line in lines) == skipped
    for steps in (2, 7, 11):
        with pytest.raises(Stop):
            train(run, tmp_path / "cut", [corpus], QUIET, watch=stopped_after(steps))
    cut = train(run, tmp_path / "cut", [corpus], QUIET)
    assert cut.loss == whole.loss and cut.how == whole.how
    pairs = zip(state_of(tmp_path / "cut", run), state_of(tmp_path / "whole", run), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_skipped_step_leaves_weights_and_moments_as_they_were(corpus, monkeypatch):
    monkeypatch.setattr(scaling, "START", 2.0**60)
    run = make_run(**HALF)
    model = make_model(run, torch.device("cpu"), 257)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    stepper = Stepper.of(run, model, QUIET)
    result = stepper([Loader([corpus], [1.0], 32, 0).sequences(0, 4)], 1e-2, "here")
    assert result.skipped and result.grad_norms == {} and stepper.scaler.scale == 2.0**59
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert not any(optimizer.state for optimizer in stepper.optimizers)


def test_what_overflows_without_scaling_diverges(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "START", 2.0**60)
    monkeypatch.setattr(scaling, "LEAST", 2.0**58)
    with pytest.raises(DivergedError, match=r"step 2 \(sequences 8 to 11\): gradient of rest must be finite, got"):
        train(make_run(**HALF), tmp_path / "run", [corpus], QUIET)
    (record,) = load_run_records(tmp_path / "run/record.jsonl").records
    assert (record.status, record.how["skipped_steps"], record.how["loss_scale"]) == ("diverged", 2, 2.0**58)


def test_the_scale_doubles_after_steady_steps():
    scaler = LossScaler()
    for _ in range(scaling.STEADY_STEPS):
        scaler.update(False)
    assert (scaler.scale, scaler.steady_steps) == (2.0**17, 0)
    scaler.update(False)
    scaler.update(True)
    assert scaler.state_dict() == {"scale": 2.0**16, "steady_steps": 0}


def test_ranks_skip_a_step_together(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "START", OVERFLOWING)
    alone = train(make_run(**HALF), tmp_path / "alone", [corpus], QUIET)
    records = under_torchrun(lambda rank: train(make_run(**HALF), tmp_path / "two", [corpus], QUIET), tmp_path)
    (first, *_), (second, *_) = records
    assert [(error, code) for _, error, code in records] == [(None, 0)] * 2
    assert first.loss == second.loss and first.how == second.how
    # a rank's loss is twice its part of the step's, so that the scale comes down one step further
    assert first.how["skipped_steps"] == alone.how["skipped_steps"] + 1
