"""GPUs of one's own cost no dollars: then their hours decide."""

import math
from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError
from optimoe.planner.explain.spending import spent
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from tests.planner.asked import problem


@pytest.mark.parametrize("goal", [NearBest(), NearBest(count="serving"), LeastCost(max_loss=2.3)])
def test_owned_gpus_choose_what_any_one_price_of_all_gpus_chooses(goal):
    free = plan(problem(flops=1e21, goal=goal, serve_tokens=1e11, train_usd=0.0, serve_usd=0.0))
    one_dollar = plan(problem(flops=1e21, goal=goal, serve_tokens=1e11, train_usd=1.0, serve_usd=1.0))
    assert free.choice.spec == one_dollar.choice.spec
    assert free.choice.tokens == pytest.approx(one_dollar.choice.tokens, rel=1e-9)
    assert (free.choice.total_usd, free.choice.usd_per_mtok) == (0.0, 0.0)
    assert spent(free, free.choice).total == pytest.approx(one_dollar.choice.total_usd, rel=1e-9)
    assert spent(free, free.choice).words().endswith(" GPU hours")


def test_a_total_budget_does_not_limit_owned_training():
    asked = problem(flops=math.inf, goal=LowestLoss(total_usd=1e6))
    owned = replace(asked.training, price=problem(train_usd=0.0).training.price)
    with pytest.raises(
        ConfigError, match=r"train_flops: must be given beside a total budget, of which owned GPUs"
    ):
        replace(asked, training=owned)


@pytest.mark.parametrize("limit", ["total_usd", "usd_per_mtok"])
def test_a_limit_of_dollars_means_nothing_where_nothing_costs_any(limit):
    with pytest.raises(ConfigError, match=f"{limit}: must be left out where all GPUs are owned: nothing costs"):
        problem(goal=LowestLoss(**{limit: 1e6}), train_usd=0.0, serve_usd=0.0)


def test_owned_training_spends_the_time_that_it_has_while_serving_pays():
    limited = problem(flops=1e21, goal=LowestLoss(total_usd=1e5), serve_tokens=1e11, train_usd=0.0)
    choice = plan(limited).choice
    assert choice.training.flops == pytest.approx(1e21, rel=1e-2)
    assert 0 < choice.serve_usd <= 1e5
