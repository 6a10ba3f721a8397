"""Yun 2024's two searches against the general solver, and its claims under other laws."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.designs import evaluate
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.published.yun import (
    equal_cost,
    equal_quality,
    loss_optimal,
    yun_answers,
    yun_pools,
    yun_problem,
)

ASKED = yun_problem(5.15e21, find_loss_law("ludziejewski2025"))


@pytest.fixture(scope="module")
def pools():
    every = evaluate(ASKED, ASKED.space.members(ASKED.space.every()))
    return {family.num_experts: pool for family, pool in every.items()}


@pytest.fixture(scope="module")
def answers():
    budgets = (2.12e21, 5.15e21)
    return yun_answers(
        {law: {flops: yun_pools(flops, find_loss_law(law)) for flops in budgets} for law in ("ludziejewski2025",)}
    )


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


def test_smaller_than_optimal_designs_lose_little_and_serve_cheaper(pools):
    """The loss-size curve is flat at its optimum: half the size within 3 % of the loss, at less of the price."""
    best = loss_optimal(pools[16])
    small = equal_quality(pools[16], 1.03 * best.loss)
    assert small.params < 0.5 * best.params
    assert small.usd_per_mtok < 0.6 * best.usd_per_mtok


@pytest.mark.parametrize(("experts", "ratio"), [(4, 2.0), (8, 10 / 3), (32, 34 / 3)])
def test_every_second_layer_is_routed_so_that_sizes_are_those_of_their_appendix(experts, ratio):
    pool = yun_pools(2.12e21, ASKED.law)[experts]
    deep = pool.shapes.num_layers % 2 == 0  # with an odd number of layers a half is not whole
    total = np.asarray(count_params(pool.grid).nonembedding)
    assert np.median(total[deep] / pool.params_active[deep]) == pytest.approx(ratio, rel=0.01)


def test_their_questions_are_answered_for_every_number_of_experts(answers):
    assert len(answers) == 2 * 5
    for one in answers:
        assert 6 * one.params * one.tokens == pytest.approx(one.flops)
        if one.experts > 4:
            assert one.over_trained < 1
            assert one.equal_quality_cost < 1
    for law in {one.law for one in answers}:
        for flops in {one.flops for one in answers}:
            of = {one.experts: one for one in answers if (one.law, one.flops) == (law, flops)}
            assert of[4].over_trained == of[4].equal_quality_cost == 1
            assert of[4].equal_cost_loss == pytest.approx(of[4].loss)
            losses = [of[experts].equal_cost_loss for experts in (8, 16, 32)]
            assert losses == sorted(losses, reverse=True)
            assert np.isnan(of[1].over_trained)
