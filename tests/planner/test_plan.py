"""Goals, limits and prices: what a plan chooses, and that stating more never hurts."""

import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.core.errors import InputError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.laws.catalog import law_names
from optimoe.planner.plan import choose, plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LowestLoss, NearBest
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from tests.planner.asked import LAW, SMALL, large_plan, on, plain, problem


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


@pytest.mark.parametrize("goal", [LowestLoss(), NearBest(loss_slack=0.01)], ids=["lowest loss", "near the best"])
def test_the_choice_alone_is_that_of_the_plan(goal):
    alone, whole = choose(problem(goal=goal)), plan(problem(goal=goal)).choice
    assert (alone.spec, alone.tokens, alone.total_usd) == (whole.spec, whole.tokens, whole.total_usd)


def test_laws_that_are_asked_besides_give_what_their_own_plans_choose_and_leave_the_choice_alone():
    asked, other = problem(), LAW("optimoe2026")
    found = plan(replace(asked, also=(other,)))
    own, its = found.by_law
    assert (own.law, its.law) == ("ludziejewski2025", "optimoe2026")
    assert own.candidate == found.choice == plan(asked).choice
    assert its.candidate == plan(replace(asked, law=other)).choice
    assert its.candidate.loss != own.candidate.loss
    assert plan(asked).by_law == ()


def test_a_law_that_is_asked_besides_and_ranks_no_design_says_why():
    asked = problem(space=plain(num_experts=(8,)), also=(LAW("besiroglu2024"),))
    own, none = plan(asked).by_law
    assert own.candidate is not None and own.reason == ""
    assert none.candidate is None and "besiroglu2024" in none.reason


def test_a_law_that_is_asked_besides_must_be_sound_and_reach_the_budget_too():
    law = LAW("optimoe2026")
    bad = type(law)(replace(law.row, name="bad", evidence=replace(law.row.evidence, verdict="at_bound")))
    with pytest.raises(InputError, match="law bad"):
        problem(also=(bad,))
    assert problem(also=(bad,), allow_unsound=True).also == (bad,)


def test_a_total_budget_is_spent_and_not_passed():
    choice = plan(problem(flops=math.inf, goal=LowestLoss(total_usd=2e5))).choice
    assert choice.total_usd == pytest.approx(2e5, rel=1e-9)


@cache
def answer(flops, tpot_ms):
    return plan(problem(flops, limits=Limits(tpot_s=tpot_ms / 1e3), goal=LowestLoss())).choice.loss.value


@pytest.mark.parametrize("tight", [8, 30])
@pytest.mark.parametrize("flops", [1e22])
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


def test_alternatives_reach_the_same_loss_whatever_their_training_costs():
    result, _ = large_plan()
    for item in result.alternatives:
        assert item.candidate is None or item.candidate.loss.value == pytest.approx(
            result.choice.loss.value, rel=1e-6
        )
    own = next(i for i in result.alternatives if i.family == result.choice.family)
    assert own.candidate.total_usd <= result.choice.total_usd * (1 + 1e-6)


def test_more_ways_to_serve_never_cost_more_and_their_order_does_not_matter():
    one = problem()
    h200 = replace(one.deployments[0], cluster=Cluster(accelerator=find_accelerator("h200-sxm"), num_gpus=8))
    fp8 = replace(one.deployments[0], engine=find_engine("vllm", precision="fp8", kv_precision="bf16"))
    alone, both = plan(one).choice, plan(replace(one, deployments=(one.deployments[0], h200, fp8))).choice
    turned = plan(replace(one, deployments=(fp8, h200, one.deployments[0]))).choice
    assert both.total_usd <= alone.total_usd * (1 + 1e-9)
    assert (both.spec, both.deployment) == (turned.spec, turned.deployment)
    assert both.total_usd == pytest.approx(turned.total_usd)


def test_more_families_never_worsen_a_goal():
    few = plan(problem(goal=LowestLoss())).choice.loss.value
    assert plan(problem(goal=LowestLoss(), space=replace(SMALL, top_k=(1, 2)))).choice.loss.value <= few


def test_bounded_loss_counts_what_it_is_told_to_count():
    total, serving = (plan(problem(goal=NearBest(count=count))).choice for count in ("total", "serving"))
    assert serving.usd_per_mtok <= total.usd_per_mtok * (1 + 1e-9)
    assert total.total_usd <= serving.total_usd * (1 + 1e-9)
    assert serving.loss.value == pytest.approx(total.loss.value)


def test_slack_in_nats_is_slack_in_nats():
    lowest = plan(problem(goal=LowestLoss())).choice.loss.value
    near = plan(problem(goal=NearBest(loss_slack=0.0, slack_nats=0.05))).choice.loss.value
    assert near == pytest.approx(lowest + 0.05, rel=1e-6)


@pytest.mark.parametrize("usd", [0.04, 0.08, 0.2])
def test_bounded_serving_cost_is_kept_and_a_looser_one_never_worse(usd):
    tight, loose = (plan(problem(goal=LowestLoss(usd_per_mtok=limit))).choice for limit in (usd, 2 * usd))
    assert tight.usd_per_mtok <= usd
    assert loose.loss.value <= tight.loss.value


def test_a_card_and_a_long_cache_bound_the_size():
    card = Cluster(accelerator=find_accelerator("rtx-4090"), num_gpus=1)
    asked = problem(limits=Limits(), goal=LowestLoss())
    small = replace(asked.deployments[0], cluster=card)
    fits = plan(replace(asked, deployments=(small,), traffic=Traffic(lifetime_tokens=0.0))).choice
    assert 2 * fits.params.total < 24 * 2**30
    long = replace(small, workload=Workload(input_tokens=65_536, output_tokens=128))
    longer = plan(replace(asked, deployments=(long,), traffic=Traffic(lifetime_tokens=0.0))).choice
    assert longer.loss.value > fits.loss.value


@settings(max_examples=settings().max_examples // 25)  # each is three plans
@given(flops=st.floats(1e21, 1e23), served=st.floats(1e10, 1e13))
def test_an_answer_asked_for_twice_is_the_same(flops, served):
    asked = problem(flops, serve_tokens=served)
    assert plan(asked, PricedGrids()).choice == plan(asked).choice == plan(asked).choice


@pytest.mark.parametrize(
    "asked", [on(8, days=60.0), problem(1e24, limits=Limits(tpot_s=0.004))], ids=["8 GPUs", "250 tokens a second"]
)
def test_where_the_most_promising_designs_keep_no_limit_smaller_ones_are_found(asked):
    space = Space(num_experts=(8, 64, 512), top_k=(2, 8), attention=("mla",), first_dense_layers=(0,))
    choice = choose(replace(asked, space=space), PricedGrids())
    assert choice.tpot_s <= asked.limits.tpot_s * (1 + 1e-6)
    assert choice.training.gpu_s <= asked.training.budget_gpu_s * (1 + 1e-6)
    assert not choice.family.dense
