"""The search against brute force."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.cost.serving.workload import Limits
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.problem import law_of_ratios
from optimoe.planner.search.best_first import SLACK
from tests.planner.asked import SMALL, brute_force, every_design, plain, problem


@settings(max_examples=settings().max_examples // 25)  # each prices every design and plans twice
@given(
    flops=st.floats(1e20, 1e23),
    served=st.floats(1e9, 1e14),
    tpot_ms=st.floats(3, 80),
    seed=st.integers(0, 5),
)
def test_the_planner_equals_brute_force_on_a_small_space(flops, served, tpot_ms, seed):
    asked = problem(flops, serve_tokens=served, limits=Limits(tpot_s=tpot_ms / 1e3))
    pools = every_design(asked)
    lowest = brute_force(pools, LowestLoss())
    target = lowest * (1 + 0.01 * seed)
    cheapest = brute_force(pools, LeastCost(max_loss=target))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimoe.planner.search.listing.FEW_POINTS", 0)  # best first, as in a large space
        assert plan(replace(asked, goal=LowestLoss())).choice.loss.value == pytest.approx(lowest, rel=1e-12)
        found = plan(replace(asked, goal=LeastCost(max_loss=target)))
    assert not found.trace.whole
    assert found.trace.best == pytest.approx(found.choice.total_usd)
    assert cheapest * (1 - 1e-9) <= found.choice.total_usd <= cheapest * (1 + SLACK[LeastCost])


@pytest.mark.parametrize("law", ["optimoe2026", "ludziejewski2025"])
def test_the_planner_equals_brute_force_where_only_some_layers_route(law, monkeypatch):
    space = replace(SMALL, num_experts=(1, 16), max_width=4096, moe_every=(1, 2), first_dense_layers=(0, 3))
    asked = problem(space=space, law=law)
    pools = every_design(asked)
    assert len(pools) == 1 + 4
    lowest = brute_force(pools, LowestLoss())
    monkeypatch.setattr("optimoe.planner.search.listing.FEW_POINTS", 0)
    assert plan(replace(asked, goal=LowestLoss())).choice.loss.value == pytest.approx(lowest, rel=1e-12)
    found = plan(replace(asked, goal=LeastCost(max_loss=1.02 * lowest))).choice.total_usd
    cheapest = brute_force(pools, LeastCost(max_loss=1.02 * lowest))
    assert cheapest * (1 - 1e-9) <= found <= cheapest * (1 + SLACK[LeastCost])


def test_a_ratio_of_experts_to_attention_is_decided_by_loss_and_cost_where_only_some_layers_route():
    space = plain(
        num_experts=(1, 16),
        top_k=(2,),
        max_width=3072,
        moe_every=(1, 2),
        expert_attention_ratio=(0.25, 1.0, 4.0),
    )
    asked = problem(flops=1e21, space=space, goal=LowestLoss(), law="optimoe2026")
    law = law_of_ratios(asked.law, space, asked.training)
    found = plan(replace(asked, law=law))
    losses = {
        (item.family.moe_every, item.family.expert_attention_ratio): item.candidate.training.usd
        for item in found.alternatives
        if item.candidate and not item.family.dense
    }
    assert len(losses) == 6
    for every in (1, 2):  # Li's r* of 2 in 16 lies near 1.5
        assert losses[every, 1.0] < losses[every, 0.25]
        assert losses[every, 1.0] < losses[every, 4.0]
    pools = every_design(replace(asked, law=law))
    assert found.choice.loss.value == pytest.approx(brute_force(pools, LowestLoss()), rel=1e-12)


def test_a_small_space_is_priced_whole_and_a_large_one_when_asked(monkeypatch):
    monkeypatch.setattr("optimoe.planner.search.listing.FEW_POINTS", 200)  # so that a large space is soon one
    small = plain(num_experts=(1, 8), max_width=2048)
    assert plan(problem(space=small)).trace.whole
    large = replace(small, num_experts=(1, 2, 4, 8, 16, 32, 64), top_k=(1, 2))
    assert not plan(problem(space=large)).trace.whole
    trace = plan(problem(space=replace(large, exhaustive=True))).trace
    assert trace.whole
    assert trace.listed == trace.priced_designs == trace.space == large.size
    assert trace.not_looked_at == trace.promising == 0


def test_near_best_is_the_least_cost_at_the_slackened_lowest_loss():
    pools = every_design(problem())
    lowest = brute_force(pools, LowestLoss())
    chosen = plan(problem(goal=NearBest(loss_slack=0.02))).choice
    assert chosen.loss.value == pytest.approx(lowest * 1.02, rel=1e-9)
    assert chosen.total_usd == pytest.approx(brute_force(pools, LeastCost(max_loss=lowest * 1.02)), rel=1e-9)
