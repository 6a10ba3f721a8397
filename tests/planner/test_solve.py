import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.laws.catalog import find_loss_law, law_names
from optimoe.planner.designs import evaluate
from optimoe.planner.pareto import front_members
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import GivenMfu, Training, gpu_time_s
from optimoe.planner.search import tokens_and_objective

H100 = find_accelerator("h100-sxm")
SMALL = Space(num_experts=(1, 4, 16), max_width=5120)


def problem(flops=1e22, goal=None, space=SMALL, limits=None, serve_tokens=1e12, law="ludziejewski2025", **prices):
    return Problem(
        training=Training(accelerator=H100, price=given_price(prices.get("train_usd", 2.0)), budget_flops=flops),
        deployments=(
            Deployment(
                cluster=Cluster(accelerator=H100, num_gpus=8),
                workload=Workload(),
                limits=limits or Limits(tpot_s=0.05),
                price=given_price(prices.get("serve_usd", 2.0)),
            ),
        ),
        lifetime_tokens=serve_tokens,
        law=find_loss_law(law),
        goal=goal or NearBest(),
        space=space,
    )


def brute_force(asked, goal):
    """Every width and every depth of every expert count, no neighbourhoods."""
    best = math.inf
    for pool in evaluate(asked, dict.fromkeys(asked.space.families(), asked.space.every())).values():
        best = min(best, tokens_and_objective(pool, goal)[1].min())
    return best


@settings(max_examples=8, deadline=None)
@given(
    flops=st.floats(1e20, 1e23),
    served=st.floats(1e9, 1e14),
    tpot_ms=st.floats(3, 80),
    seed=st.integers(0, 5),
)
def test_the_planner_equals_brute_force_on_a_small_space(flops, served, tpot_ms, seed):
    asked = problem(flops, serve_tokens=served, limits=Limits(tpot_s=tpot_ms / 1e3))
    lowest = brute_force(asked, LowestLoss())
    target = lowest * (1 + 0.01 * seed)
    cheapest = brute_force(asked, LeastCost(max_loss=target))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimoe.planner.problem.space.FEW", 0)  # coarse grid and refinement, as in a large space
        assert plan(replace(asked, goal=LowestLoss())).choice.loss.value == pytest.approx(lowest, rel=1e-12)
        found = plan(replace(asked, goal=LeastCost(max_loss=target)))
    assert not found.trace.whole
    assert found.trace.best == pytest.approx(found.choice.total_usd)
    assert found.trace.best <= found.trace.first_best
    assert found.choice.total_usd == pytest.approx(cheapest, rel=1e-9)


def test_a_small_space_is_priced_whole_and_a_large_one_when_asked():
    assert plan(problem()).trace.whole
    large = Space(num_experts=(1, 2, 4, 8, 16, 32, 64), top_k=(1, 2))
    assert not plan(problem(space=large)).trace.whole
    trace = plan(problem(space=replace(large, exhaustive=True))).trace
    assert trace.whole
    assert trace.first == trace.space == large.size
    assert trace.first_best == trace.best


def test_near_best_is_the_least_cost_at_the_slackened_lowest_loss():
    lowest = brute_force(problem(), LowestLoss())
    chosen = plan(problem(goal=NearBest(loss_slack=0.02))).choice
    assert chosen.loss.value == pytest.approx(lowest * 1.02, rel=1e-9)
    assert chosen.total_usd == pytest.approx(brute_force(problem(), LeastCost(max_loss=lowest * 1.02)), rel=1e-9)


def test_the_choice_keeps_every_limit():
    asked = problem(limits=Limits(tpot_s=0.02, ttft_s=0.5))
    choice = plan(asked).choice
    assert choice.tpot_s <= 0.02
    assert choice.ttft_s <= 0.5
    assert choice.serving.concurrency <= choice.serving.max_batch
    assert choice.training.flops <= asked.training.budget_flops * (1 + 1e-9)
    assert choice.training.flops == pytest.approx(6 * choice.params.active * choice.tokens)
    assert choice.total_usd == pytest.approx(choice.train_usd + choice.serve_usd)
    assert choice.serve_usd == pytest.approx(choice.usd_per_mtok * 1e12 / 1e6)
    assert choice.loss.low < choice.loss.value < choice.loss.high


def test_a_total_budget_is_spent_and_not_passed():
    choice = plan(problem(flops=math.inf, goal=LowestLoss(total_usd=2e5))).choice
    assert choice.total_usd == pytest.approx(2e5, rel=1e-9)


@cache
def answer(flops, tpot_ms):
    return plan(problem(flops, limits=Limits(tpot_s=tpot_ms / 1e3), goal=LowestLoss())).choice.loss.value


@pytest.mark.parametrize("tight", [8, 15, 30])
@pytest.mark.parametrize("flops", [1e21, 1e22])
def test_looser_limits_never_worsen_the_choice(flops, tight):
    assert answer(flops, 2 * tight) <= answer(flops, tight)
    assert answer(2 * flops, tight) <= answer(flops, tight)


def test_scaling_all_prices_scales_dollars_and_not_the_choice():
    once, thrice = plan(problem()), plan(problem(train_usd=6.0, serve_usd=6.0))
    assert thrice.choice.spec == once.choice.spec
    assert thrice.choice.total_usd == pytest.approx(3 * once.choice.total_usd)


def test_the_order_of_laws_and_gpus_changes_nothing(monkeypatch):
    one = problem()
    h200 = replace(one.deployments[0], cluster=Cluster(accelerator=find_accelerator("h200-sxm"), num_gpus=8))
    asked = replace(one, deployments=(one.deployments[0], h200))
    before = plan(asked)
    names = law_names()
    monkeypatch.setattr("optimoe.planner.plan.law_names", lambda: names[::-1])
    after = plan(replace(asked, deployments=asked.deployments[::-1]))
    assert after.choice == before.choice
    assert after.laws == before.laws
    assert after.front == before.front


def test_members_of_the_front_are_unbeaten():
    members = plan(problem()).front
    assert len(members) > 3
    for one in members:
        beaten = [
            m
            for m in members
            if m.loss.value <= one.loss.value and m.usd_per_mtok <= one.usd_per_mtok and m is not one
        ]
        assert not beaten


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30))
def test_the_front_is_what_the_definition_says(points):
    first, second = np.array(points, dtype=float).T
    kept = front_members(first, second)
    for i, (a, b) in enumerate(points):
        beats = [(x, y) for x, y in points if x <= a and y <= b and (x, y) != (a, b)]
        twin_before = (a, b) in points[:i]
        assert kept[i] == (not beats and not twin_before)


def test_alternatives_reach_the_same_loss_whatever_their_training_costs():
    result = plan(problem(flops=6e22, serve_tokens=5e12))
    for item in result.alternatives:
        assert item.candidate is None or item.candidate.loss.value == pytest.approx(
            result.choice.loss.value, rel=1e-6
        )
    own = next(i for i in result.alternatives if i.family == result.choice.family)
    assert own.candidate.total_usd <= result.choice.total_usd * (1 + 1e-6)


def test_a_dense_law_plans_dense_models_and_says_what_it_never_saw():
    dense = plan(problem(law="besiroglu2024", space=replace(SMALL, num_experts=(1,))))
    assert dense.choice.family.dense
    routed = plan(problem(law="besiroglu2024"))
    if not routed.choice.family.dense:
        assert any("never fitted on routed experts" in line for line in routed.warnings)


def test_more_experts_per_token_than_the_law_saw_are_planned_and_said():
    result = plan(problem(space=replace(SMALL, num_experts=(1, 8), top_k=(4,))))
    routed = not result.choice.family.dense
    assert routed == any("never fitted on top-4 routing" in line for line in result.warnings)
    asked_about_experts = {view.law: view.routed for view in result.laws}
    assert asked_about_experts["ludziejewski2025"]
    assert not asked_about_experts["besiroglu2024"]


def test_stretching_a_law_is_said():
    small, large = plan(problem(flops=1e20, serve_tokens=1e9)), plan(problem(flops=1e23))
    assert not any("beyond the fitted range" in line for line in small.warnings)
    assert any("D is" in line and "beyond the fitted range" in line for line in large.warnings)


def test_a_law_without_a_stated_range_is_not_taken_for_inside_it():
    warnings = plan(problem(law="zhao2025")).warnings
    assert any("the fitted range of zhao2025 in N, N_a, G, S, D is not stated" in line for line in warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limits": Limits(tpot_s=1e-6)}, "tpot: the limit of 1.00 µs binds"),
        ({"limits": Limits(ttft_s=1e-6)}, "ttft: the limit of 1.00 µs binds"),
        ({"goal": LeastCost(max_loss=1.4)}, "target_loss"),
        ({"goal": LeastCost(max_loss=2.05)}, "train_flops: the budget of 1.00e22 FLOP binds"),
        ({"flops": math.inf, "goal": LowestLoss(total_usd=1.0)}, "total_usd: the limit of $1.00 binds"),
    ],
)
def test_an_impossible_question_says_which_limit_binds(changes, words):
    with pytest.raises(InfeasibleError) as caught:
        plan(problem(**changes))
    assert words in str(caught.value)


def test_the_training_budget_that_is_said_to_suffice_does():
    with pytest.raises(InfeasibleError) as caught:
        plan(problem(goal=LeastCost(max_loss=2.05)))
    flops = float(str(caught.value).split("--train-flops ")[1].split()[0])
    assert plan(problem(flops=flops, goal=LeastCost(max_loss=2.05))).choice.loss.value == pytest.approx(2.05)


def test_gpus_times_days_are_flops_and_dollars():
    stated = Training(accelerator=H100, price=given_price(1.0), budget_gpu_s=gpu_time_s(64, 30))
    tokens = float(stated.affordable_tokens(1e9, 0.4))
    assert stated.flops(1e9, tokens) == pytest.approx(64 * 30 * 86400 * 989e12 * 0.4)
    assert stated.usd_per_token(1e9, 0.4) * tokens == pytest.approx(64 * 30 * 24)
    with pytest.raises(ConfigError, match="train_days"):
        gpu_time_s(64, -1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: problem(flops=-1), "budget_flops"),
        (lambda: problem(flops=math.inf), "train_flops"),
        (lambda: problem(goal=NearBest(loss_slack=-0.1)), "loss_slack"),
        (lambda: problem(serve_tokens=-1), "serve_tokens"),
        (lambda: Space(num_experts=(4,), top_k=(8,)), "num_experts"),
        (lambda: Space(max_width=100), "max_width"),
        (lambda: GivenMfu(mfu=1.5), "mfu"),
    ],
)
def test_a_question_out_of_limits_names_the_field(make, words):
    with pytest.raises(ConfigError) as caught:
        make()
    assert words in str(caught.value)
