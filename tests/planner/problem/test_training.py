"""Budgets as people state them, and the utilisation that they are worth."""

import math
from dataclasses import replace

import pytest

from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.training.estimate import estimate_training
from optimoe.laws.catalog import find_law
from optimoe.planner.designs import evaluate
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.training import GivenMfu, Training, gpu_time_s
from tests.planner.asked import H100, on, plain, predicted_plan, problem

PREDICTED = predicted_plan()


def test_the_choice_is_trained_as_the_training_model_says():
    choice, run = PREDICTED.choice, PREDICTED.problem.training.run
    estimate = estimate_training(choice.spec, run, choice.training.layout)
    assert estimate.memory.fits
    assert choice.training.mfu == pytest.approx(estimate.mfu_bf16())
    assert choice.training.gpu_hours == pytest.approx(64 * 24 * estimate.days(choice.tokens))
    assert choice.train_usd == pytest.approx(2 * choice.training.gpu_hours)
    assert choice.training.gpu_hours <= 64 * 20 * 24 * (1 + 1e-9)


def test_designs_differ_in_their_utilisation():
    others = [item.candidate.training.mfu for item in PREDICTED.alternatives if item.candidate]
    assert max(others) > 1.05 * min(others)
    dense = next(item.candidate for item in PREDICTED.alternatives if item.family.dense)
    assert dense.training.mfu == max(others)


def test_dollars_and_gpu_time_are_one_budget():
    days = plan(on(64)).choice
    dollars = plan(on(64, budget_gpu_s=64 * 20 * 24 * 2.0 / (2.0 / 3600))).choice
    assert dollars == days


def test_of_two_budgets_both_are_kept():
    choice = plan(on(64, budget_flops=1e21)).choice
    assert choice.training.flops <= 1e21 * (1 + 1e-9)
    assert choice.training.gpu_hours < PREDICTED.choice.training.gpu_hours


def test_a_given_utilisation_turns_gpu_time_into_flops():
    given = replace(on(64).training, utilisation=GivenMfu(mfu=0.3))
    choice = plan(replace(problem(goal=LowestLoss()), training=given)).choice
    spent = choice.training.flops + choice.training.routing_flops
    assert spent == pytest.approx(64 * 20 * 86400 * 989e12 * 0.3)
    assert choice.training.layout.dp >= 1
    nowhere = replace(given, run=None)
    assert plan(replace(problem(goal=LowestLoss()), training=nowhere)).choice.training.layout is None


def test_a_given_utilisation_still_has_to_fit_the_training_memory():
    asked = on(8, days=2000.0, utilisation=GivenMfu(mfu=0.4))
    fits = plan(replace(asked, goal=LowestLoss())).choice
    anywhere = plan(replace(asked, goal=LowestLoss(), training=replace(asked.training, run=None))).choice
    assert fits.params.total < anywhere.params.total
    assert 16 * fits.params.total < 8 * 80 * 2**30


def test_a_prediction_needs_a_cluster():
    with pytest.raises(ConfigError, match="train_gpus"):
        replace(on(8).training, run=None)


def test_what_fits_no_training_memory_is_not_chosen():
    few = plan(on(8, days=160.0, budget_flops=math.inf)).choice
    assert few.params.total < PREDICTED.choice.params.total


def test_a_cluster_that_trains_nothing_is_said():
    small = replace(find_accelerator("rtx-4090"), memory_bytes=2e9)
    with pytest.raises(InfeasibleError, match="train_gpus: no design"):
        plan(on(1, gpu=small))


def test_better_use_never_worsens_the_loss():
    asked = replace(on(64), goal=LowestLoss())
    scaled = replace(asked.training, utilisation=asked.training.utilisation.scaled(1.2))
    assert plan(replace(asked, training=scaled)).choice.loss.value < plan(asked).choice.loss.value


def test_a_run_on_other_gpus_than_the_budget_s_is_refused():
    with pytest.raises(ConfigError, match="train_gpus"):
        on(64, accelerator=find_accelerator("a100-sxm"))


def test_gpus_times_days_are_flops_and_dollars():
    stated = Training(accelerator=H100, price=given_price(1.0), budget_gpu_s=gpu_time_s(64, 30))
    tokens = float(stated.affordable_tokens(1e9, 0.4))
    assert stated.flops(1e9, tokens) == pytest.approx(64 * 30 * 86400 * 989e12 * 0.4)
    assert stated.usd_per_token(1e9, 0.4) * tokens == pytest.approx(64 * 30 * 24)
    with pytest.raises(ConfigError, match="train_days"):
        gpu_time_s(64, -1)


FINE = plain(num_experts=(64, 1024), top_k=(1, 16), ffn_ratio=(4.0, 0.25), max_width=2048)


def fine(routing_flops_per_weight):
    """Coarse experts, E = 64 top-1 of 4·d, and sixteen times finer ones, E = 1024 top-16 of d/4."""
    asked = problem(flops=1e20, space=FINE, law="krajewski2024-e64", goal=LowestLoss())
    training = replace(asked.training, routing_flops_per_weight=routing_flops_per_weight)
    pools = evaluate(replace(asked, training=training), FINE.members(FINE.every()))
    wanted = {(64, 4.0): "coarse", (1024, 0.25): "fine"}
    return {
        wanted[key]: pool
        for family, pool in pools.items()
        if (key := (family.num_experts, family.ffn_ratio)) in wanted and family.top_k == family.num_experts // 64
    }


def test_a_budget_pays_for_routing_beside_6nd():
    alone, charged = fine(6.0), fine(14.0)
    for name, pool in charged.items():
        params = count_params(pool.grid)
        per_token = 6 * params.active + 8 * params.router
        assert pool.affordable_tokens == pytest.approx(1e20 / per_token)
        assert alone[name].affordable_tokens == pytest.approx(1e20 / (6 * params.active))
        dollars, bare = pool.usd_per_train_token, alone[name].usd_per_train_token
        assert dollars / bare == pytest.approx(per_token / (6 * params.active))
    share = charged["fine"].affordable_tokens / alone["fine"].affordable_tokens
    assert share.min() < 0.95  # 1,024 experts of a narrow model
    assert (charged["coarse"].affordable_tokens / alone["coarse"].affordable_tokens).min() > 0.99


def test_what_a_budget_buys_in_fine_experts_is_what_krajewski_s_formula_charges():
    """F = (12·d²·c_f + d·E·G·c_r)·D·n: the difference of two granularities of one width and depth."""
    pools, law = fine(14.0), find_law("krajewski2024-e64")
    extra = []
    for pool, granularity in ((pools["coarse"], 1), (pools["fine"], 16)):
        index, width, layers = 0, int(pool.shapes.d_model[0]), int(pool.shapes.num_layers[0])
        extra.append(1e20 / pool.affordable_tokens[index])
        routing = width * law.expansion * granularity * 14 * layers
        ours = 14 * count_params(pool.grid.at(index)).router
        assert ours == pytest.approx(routing)
    assert extra[1] - extra[0] == pytest.approx(14 * width * 64 * 15 * layers)


def test_a_predicted_utilisation_times_routing_by_itself():
    one = on(64)
    other = replace(one, training=replace(one.training, routing_flops_per_weight=20.0))
    assert plan(other).choice.train_usd == plan(one).choice.train_usd
    with pytest.raises(ConfigError, match=r"routing_flops_per_weight: must be at least 6, .* got 5"):
        replace(one.training, routing_flops_per_weight=5.0)
