"""The training run as it is stated: its batch, precision and goodput resolved."""

import math

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import to_config
from optimoe.core.errors import ConfigError, InputError
from optimoe.core.records import to_json
from optimoe.cost.training.setup import usual_goodput
from optimoe.inputs.cost import TrainCostRequest
from optimoe.inputs.groups.hardware import Hardware, PlanPrices
from optimoe.inputs.groups.training import TrainBatch, TrainingChoice
from optimoe.planner.problem.training import GivenMfu, PredictedMfu, rule_batch


def training(**stated):
    return TrainingChoice(**stated).training("h100-sxm", PlanPrices())


def test_a_batch_left_out_grows_with_the_budget_and_says_its_rule():
    small, large = (training(train_gpus="64xh100-sxm", train_days=days).run for days in (1, 30))
    assert large.batch_tokens == pytest.approx(small.batch_tokens * 30**0.3644, rel=0.01)
    assert "0.0694·C^0.3644" in large.batch_source
    stated = training(train_gpus="64xh100-sxm", train_days=30, batch_tokens=32e6).run
    assert (stated.batch_tokens, stated.batch_source) == (32_000_000, "")
    assert stated.sequences == 7813


def test_dollars_for_everything_scale_the_batch_where_nothing_else_does():
    choice = TrainingChoice(train_gpus="64xh100-sxm")
    free, bound = (choice.training("h100-sxm", PlanPrices(), most_usd=usd).run for usd in (math.inf, 1e5))
    assert "no budget" in free.batch_source
    assert "0.0694" in bound.batch_source


def test_the_precision_of_training_is_that_of_the_run():
    assert training(train_gpus="8xh100-sxm", train_days=1, train_precision="fp8").run.setup.precision == "fp8"
    with pytest.raises(ConfigError, match="precision: must be a peak of a100-sxm"):
        training(train_gpus="8xa100-sxm", train_days=1, train_precision="fp8")
    with pytest.raises(InputError, match="--train-precision: needs --train-gpus"):
        training(train_flops=1e22, train_precision="fp8")


def test_goodput_is_that_of_so_many_gpus_unless_stated_and_none_beside_a_given_mfu():
    usual = training(train_gpus="2048xh100-sxm", train_days=30)
    assert usual.goodput == usual_goodput(2048)
    half = training(train_gpus="2048xh100-sxm", train_days=30, goodput=0.5)
    assert half.gpu_s_per_token(1e9, 0.4) == pytest.approx(2 * usual.gpu_s_per_token(1e9, 0.4) * usual.goodput)
    given = training(train_gpus="2048xh100-sxm", train_days=30, mfu=0.4)
    assert isinstance(given.utilisation, GivenMfu)
    assert given.goodput == 1
    with pytest.raises(InputError, match="--goodput: must be left out beside --mfu"):
        training(train_gpus="8xh100-sxm", train_days=1, mfu=0.4, goodput=0.9)
    with pytest.raises(InputError, match="--goodput: needs --train-gpus"):
        training(train_flops=1e22, goodput=0.9)


def test_hours_have_a_band_where_they_are_predicted():
    predicted = training(train_gpus="8xh100-sxm", train_days=1)
    assert isinstance(predicted.utilisation, PredictedMfu)
    band = predicted.gpu_s_band(100.0)
    assert band.low < 100 < band.high
    assert math.isnan(training(train_flops=1e22).gpu_s_band(100.0).low)


def test_cost_and_plan_resolve_one_run():
    """What is trained on so many FLOPs is the same run, whichever command states it."""
    asked = TrainCostRequest(
        model="mixtral-8x7b", tokens=1e12, hardware=Hardware(gpu="h100-sxm", gpus="64"), batch=TrainBatch()
    ).run()
    flops = 6 * 12_879_925_248 * 1e12
    planned = training(train_gpus="64xh100-sxm", train_flops=flops).run
    assert asked.batch_tokens == planned.batch_tokens
    assert (asked.setup, asked.goodput, asked.cluster) == (planned.setup, planned.goodput, planned.cluster)


def test_the_rule_ends_at_the_largest_known_batch_and_leaves_one_sequence():
    batch, source = rule_batch(1e27, 4096)
    assert batch == 15_360 * 4096
    assert "ends at" in source
    assert rule_batch(1.0, 4096)[0] == 4096
    assert rule_batch(3.3e24, 4096)[0] == pytest.approx(0.0694 * 3.3e24**0.3644, rel=1e-3)
    assert "4.0 decades beyond its runs" in rule_batch(3.3e24, 4096)[1]


def test_a_winner_is_costed_with_the_batch_that_its_plan_was_made_for(tmp_path):
    spec = to_json(to_config(find_model("mixtral-8x7b")))
    (tmp_path / "config.json").write_text(spec)
    (tmp_path / "recipe.toml").write_text("[plan.training]\nbatch_tokens = 12345678\n")

    def asked(model, **batch):
        return TrainCostRequest(
            model=str(model), tokens=1e12, hardware=Hardware(gpus="64xh100-sxm"), batch=TrainBatch(**batch)
        ).run()

    for model in (tmp_path, tmp_path / "config.json"):
        assert asked(model).batch_tokens == 12_345_678
        assert "recipe.toml" in asked(model).batch_source
        assert asked(model, batch_tokens=1e6).batch_tokens == 1_000_000
    (tmp_path / "recipe.toml").unlink()
    assert "0.0694" in asked(tmp_path).batch_source
