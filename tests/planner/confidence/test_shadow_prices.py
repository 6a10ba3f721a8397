"""What limits cost."""

import math
from dataclasses import replace

import pytest

from optimoe.cost.serving.workload import Limits
from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.confidence.shadow_prices import SMALL, USUAL, shadow_prices
from optimoe.planner.plan import choose, plan
from optimoe.planner.problem.data import Data
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.training import gpu_time_s
from tests.planner.asked import on, plain, problem

FEW = plain(num_experts=(1, 8), max_width=2048)
HEAVY = plain(num_experts=(1, 8, 32), max_width=4096, depth_step=16)
"""28 designs, of which nine do not fit one GPU."""


def prices_of(asked):
    """Shadow prices of a problem by the limit."""
    result = plan(asked)
    return result, {price.limit: price for price in shadow_prices(result, ask(result, draws=2).lineup)}


def test_a_limit_that_does_not_bind_is_worth_nothing_and_says_so():
    _, found = prices_of(problem(1e21, space=FEW, serve_tokens=1e11, limits=Limits(tpot_s=10.0, ttft_s=100.0)))
    for name in ("TPOT", "TTFT"):
        assert not found[name].binds
        assert found[name].usual.usd == found[name].small.usd == 0
    assert found["TPOT"].stated == pytest.approx(10_000)
    assert found["TPOT"].usual.by == pytest.approx(USUAL * 10_000)


def test_a_milliseconds_worth_is_most_of_what_a_plan_with_the_looser_limit_saves_and_never_more():
    tight = problem(1e21, space=FEW, serve_tokens=1e12, limits=Limits(tpot_s=0.006))
    result, found = prices_of(tight)
    price = found["TPOT"]
    assert price.binds
    looser = replace(
        tight,
        deployments=(replace(tight.deployments[0], limits=Limits(tpot_s=0.006 * (1 + USUAL))),),
        goal=LeastCost(max_loss=result.choice.loss.value * (1 + 1e-9)),
    )
    saved = result.choice.total_usd - choose(looser).total_usd
    assert 0.5 * saved < price.usual.usd < 1.01 * saved
    assert price.usd_per_unit == pytest.approx(price.usual.usd / (1000 * 0.006 * USUAL))
    assert 0 <= price.small.usd <= price.usual.usd


def test_a_budget_is_worth_the_nats_that_more_of_it_reaches():
    asked = problem(1e21, goal=LowestLoss(), space=FEW, serve_tokens=1e10)
    result, found = prices_of(asked)
    price = found["training FLOPs"]
    more = choose(replace(asked, training=replace(asked.training, budget_flops=(1 + USUAL) * 1e21)))
    gained = result.choice.loss.value - more.loss.value
    assert price.usual.nats == pytest.approx(gained, rel=0.05)
    assert (price.stated, price.unit) == (pytest.approx(1), "1e21 FLOP")
    assert price.nats_per_unit == pytest.approx(price.usual.nats / USUAL)


def test_days_and_gpus_share_the_worth_of_hours():
    asked = replace(on(16, days=4.0), space=FEW)
    result, found = prices_of(asked)
    days, gpus, usd = (found[name] for name in ("training time", "training GPUs", "training budget"))
    assert (days.stated, gpus.stated) == (pytest.approx(4), 16)
    hours = gpu_time_s(16, 4) / 3600
    assert usd.stated == pytest.approx(hours * result.problem.training.price.usd_per_gpu_hour / 1e3)
    assert days.usual.nats == gpus.usual.nats == usd.usual.nats > 0
    assert days.nats_per_unit * 4 == pytest.approx(gpus.nats_per_unit * 16)
    assert days.small.nats < days.usual.nats


def test_data_and_dollars_and_the_loss_itself_have_a_worth():
    few = replace(problem(1e21, goal=LowestLoss(total_usd=4e3), space=FEW), data=Data(unique_tokens=2e10))
    _, found = prices_of(replace(few, traffic=few.traffic.scaled(0.1)))
    assert found["training tokens at hand"].usual.nats > 0
    assert found["total dollars"].usual.nats > 0
    assert "loss" not in found
    _, least = prices_of(problem(math.inf, goal=LeastCost(max_loss=2.5), space=FEW, serve_tokens=1e10))
    assert least["loss"].usual.usd > least["loss"].small.usd > 0
    assert least["loss"].usual.by == pytest.approx(2.5, rel=1e-6)  # hundredths of a nat: 1 % of the loss
    assert math.isnan(least["loss"].usual.nats)
    assert SMALL < USUAL


def in_boxes(asked, *sizes):
    """A problem that is served on so many GPUs, or another number."""
    (one,) = asked.deployments
    boxes = [replace(one, cluster=replace(one.cluster, num_gpus=size)) for size in sizes]
    return replace(asked, deployments=tuple(boxes))


@pytest.mark.parametrize(("size", "goal"), [(1, NearBest()), (2, LowestLoss())])
def test_twice_the_serving_box_is_worth_what_a_plan_with_it_saves(size, goal):
    asked = problem(1e22, goal=goal, space=HEAVY, serve_tokens=1e10)
    result, found = prices_of(in_boxes(asked, size))
    price = found["GPUs of a serving deployment"]
    assert (price.stated, price.usual.by, price.unit) == (size, size, "GPU")
    assert price.small == price.usual
    larger = in_boxes(asked, size, 2 * size)
    cheapest = choose(replace(larger, goal=LeastCost(max_loss=result.choice.loss.value * (1 + 1e-9))))
    assert price.usual.usd == pytest.approx(result.choice.total_usd - cheapest.total_usd, rel=1e-4)
    before, after = (choose(replace(one, goal=LowestLoss())) for one in (in_boxes(asked, size), larger))
    assert price.usual.nats == pytest.approx(before.loss.value - after.loss.value, rel=1e-4)
    assert min(price.usual.usd, price.usual.nats) > 0


def test_a_box_that_holds_every_design_is_worth_nothing_more_and_one_that_no_network_doubles_has_no_price():
    asked = problem(1e21, space=FEW, serve_tokens=1e10)
    price = prices_of(asked)[1]["GPUs of a serving deployment"]
    assert not price.binds
    assert price.usual.usd == price.usual.nats == 0
    (one,) = asked.deployments
    alone = replace(one.cluster.accelerator, inter_node_bytes_per_s=0.0)
    cluster = replace(one.cluster, accelerator=alone)
    found = prices_of(replace(asked, deployments=(replace(one, cluster=cluster),)))[1]
    assert "GPUs of a serving deployment" not in found
    assert "memory of a serving GPU" in found
