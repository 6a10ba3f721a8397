"""Yun 2024's searches against the general solver and against each other."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.planner.designs import evaluate
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.published.yun.pools import yun_pools, yun_problem
from optimoe.planner.published.yun.searches import (
    equal_loss,
    found,
    front_by_price,
    front_by_size,
    loss_optimal,
    losses,
)
from optimoe.planner.published.yun.setting import yun_law
from tests.planner.published.yun.brute import equal_cost, equal_quality

ASKED = replace(
    yun_problem(5.15e21, yun_law("ludziejewski2025")),
    traffic=Traffic(lifetime_tokens=1e12),  # so that serving costs something
)


@pytest.fixture(scope="module")
def pools():
    every = evaluate(ASKED, ASKED.space.members(ASKED.space.every()))
    return {family.num_experts: pool for family, pool in every.items()}


@pytest.fixture(scope="module")
def theirs():
    return yun_pools(5.15e21, yun_law("ludziejewski2025"))


@pytest.mark.parametrize("experts", [1, 8, 32])
@pytest.mark.parametrize("slack", [1.0, 1.01, 1.03])
def test_the_planner_never_serves_dearer_than_their_first_search(pools, experts, slack):
    loss = slack * loss_optimal(pools[experts]).loss
    theirs = equal_quality(pools[experts], loss)
    space = replace(ASKED.space, num_experts=(experts,))
    ours = plan(replace(ASKED, space=space, goal=LeastCost(max_loss=loss * (1 + 1e-12), count="serving"))).choice
    assert theirs.loss <= loss
    assert ours.usd_per_mtok <= theirs.usd_per_mtok * (1 + 1e-9)


@pytest.mark.parametrize("experts", [1, 8, 32])
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_the_planner_never_reaches_a_higher_loss_than_their_second_search(pools, experts, share):
    usd = share * loss_optimal(pools[experts]).usd_per_mtok
    theirs = equal_cost(pools[experts], usd)
    space = replace(ASKED.space, num_experts=(experts,))
    ours = plan(replace(ASKED, space=space, goal=LowestLoss(usd_per_mtok=usd))).choice
    assert ours.loss.value <= theirs.loss * (1 + 1e-9)
    assert ours.usd_per_mtok <= usd


def test_their_searches_say_when_there_is_nothing(pools):
    with pytest.raises(InfeasibleError, match="loss"):
        equal_quality(pools[1], 1.0)
    with pytest.raises(InfeasibleError, match="usd_per_mtok"):
        equal_cost(pools[1], 1e-9)
    with pytest.raises(InfeasibleError, match="reached by no 1 experts"):
        equal_loss(pools[1], 1.0)
    assert found(lambda: equal_quality(pools[1], 1.0)) is None


def test_smaller_than_optimal_designs_lose_little_and_serve_cheaper(pools):
    """The loss-size curve is flat at its optimum: half the size within 3 % of the loss, at less of the price."""
    best = loss_optimal(pools[16])
    small = equal_quality(pools[16], 1.03 * best.loss)
    assert small.params < 0.5 * best.params
    assert small.usd_per_mtok < 0.6 * best.usd_per_mtok


@pytest.mark.parametrize("experts", [4, 16])
def test_between_two_shapes_a_loss_is_reached_at_a_size_between_theirs(theirs, experts):
    pool = theirs[experts]
    loss = 1.02 * loss_optimal(pool).loss
    params, usd = front_by_size(pool).at_loss(loss)
    reached = pool.possible & (losses(pool) <= loss)
    smallest = pool.params_active[reached].min()
    assert pool.params_active[pool.params_active < smallest].max() <= params <= smallest
    assert 0 < usd < loss_optimal(pool).usd_per_mtok


def test_at_a_price_between_two_shapes_the_loss_lies_between_theirs(theirs):
    pool = theirs[8]
    usd = 0.5 * loss_optimal(pool).usd_per_mtok
    params, loss = front_by_price(pool).at_price(usd)
    assert loss_optimal(pool).loss < loss <= equal_cost(pool, usd).loss
    assert params < loss_optimal(pool).params


def test_what_no_design_does_is_refused_between_shapes_too(theirs):
    with pytest.raises(InfeasibleError, match="not reached"):
        front_by_size(theirs[4]).at_loss(1.0)
    with pytest.raises(InfeasibleError, match="served for so little"):
        front_by_price(theirs[4]).at_price(1e-9)


def test_the_loss_optimal_model_of_a_budget_reaches_its_loss_with_the_least_training(theirs):
    best = loss_optimal(theirs[16])
    again = equal_loss(theirs[16], best.loss)
    assert again.flops == pytest.approx(best.flops, rel=1e-3)
    assert again.params == pytest.approx(best.params, rel=0.1)
    assert equal_loss(theirs[4], best.loss).flops > again.flops > equal_loss(theirs[32], best.loss).flops


def test_sizes_on_a_front_rise_while_losses_fall(theirs):
    front = front_by_size(theirs[8])
    assert np.all(np.diff(front.params) > 0)
    assert np.all(np.diff(front.loss) < 0)
