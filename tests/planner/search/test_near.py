"""A re-plan that looks only at the designs near an earlier plan: prices, limits, what it says and keeps."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import best_serving
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.search import best_training
from optimoe.planner import pricing
from optimoe.planner.explain.chain import chain
from optimoe.planner.plan import choose, plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.training import PredictedMfu
from optimoe.planner.search import listing, near
from optimoe.report.records.plan.plan import plan_record
from tests.planner.asked import H100, plain, problem

SPACE = plain(num_experts=(1, 4, 8, 16), max_width=4096)


def question(tpot_s=0.05, tokens=1e12, usd=2.0, batch=1_048_576, goal=None, flops=1e22):
    """The question on one, two and eight GPUs, with a predicted utilisation."""
    asked = problem(flops, goal, SPACE, Limits(tpot_s=tpot_s), tokens, serve_usd=usd)
    (one,) = asked.deployments
    boxes = tuple(replace(one, cluster=Cluster(accelerator=H100, num_gpus=gpus)) for gpus in (1, 2, 8))
    run = TrainRun(cluster=Cluster(accelerator=H100, num_gpus=64), batch_tokens=batch)
    training = replace(asked.training, utilisation=PredictedMfu(), run=run)
    return replace(asked, deployments=boxes, training=training)


@pytest.fixture(scope="module")
def memory():
    kept = PricedGrids()
    plan(question(), kept)
    return kept


MOVED = st.fixed_dictionaries(
    {
        "tpot_s": st.floats(0.035, 0.07),
        "tokens": st.floats(7e11, 1.4e12),
        "usd": st.floats(1.5, 2.5),
        "batch": st.sampled_from([917_504, 1_048_576, 1_179_648]),
        "goal": st.sampled_from([NearBest(), NearBest(loss_slack=0.012), LowestLoss(), LeastCost(max_loss=2.4)]),
        "flops": st.floats(8e21, 1.2e22),
    }
)


@settings(max_examples=settings().max_examples // 25)
@given(moved=MOVED)
def test_what_it_answers_is_priced_as_cost_prices_it_and_keeps_every_limit(memory, moved):
    asked = question(**moved)
    found = plan(asked, memory, near=True)
    rows = [row.candidate for row in found.alternatives if row.candidate]
    run = replace(asked.training.run, price=unknown_price())
    for one in [found.choice, *filter(None, [found.lowest_loss, found.best_dense]), *rows[:4], *found.front[:4]]:
        priced = best_serving(one.spec, one.deployment)
        assert (one.tpot_s, one.usd_per_mtok) == (priced.tpot_s, priced.usd_per_mtok)
        assert one.tpot_s <= asked.limits.tpot_s
    for one in [found.choice, *rows[:2]]:
        assert one.training.mfu == best_training(one.spec, run).mfu()
    for one in (found.choice, found.lowest_loss):
        assert one.training.flops + one.training.routing_flops <= asked.training.budget_flops * (1 + 1e-9)
    if isinstance(asked.goal, NearBest):
        assert found.choice.loss.value <= asked.goal.beside(found.lowest_loss.loss.value).max_loss * (1 + 1e-9)


@pytest.mark.parametrize(
    "moved", [{"tokens": 1.1e12}, {"usd": 2.2}, {"goal": NearBest(loss_slack=0.011)}, {"tpot_s": 0.045}]
)
def test_after_a_small_move_it_chooses_what_the_whole_space_has(memory, moved):
    asked = question(**moved)
    found, whole = choose(asked, memory, near=True), choose(asked, PricedGrids())
    assert found.spec == whole.spec and found.total_usd == pytest.approx(whole.total_usd, rel=2e-3)


def test_it_says_how_many_designs_it_looked_at(memory):
    found, whole = plan(question(), memory, near=True).trace, plan(question(), memory).trace
    assert (found.space, found.searched, whole.searched) == (whole.space, "near an earlier plan", "the space")
    assert 0 < found.listed < whole.listed and not found.whole


def test_without_an_earlier_plan_or_with_models_of_ones_own_it_looks_at_the_space(memory):
    asked = problem(1e21, space=plain(num_experts=(1, 4), max_width=1024), serve_tokens=1e11)
    kept = PricedGrids()
    own = choose(asked, kept, near=True)
    assert own.spec == choose(asked, PricedGrids()).spec
    scored = plan(replace(asked, scored=(own.spec,)), kept, near=True)
    assert scored.trace.searched == "the space" and scored.scored


def test_a_law_that_was_not_asked_before_is_near_too(memory):
    asked = replace(question(), law=problem(law="optimoe2026").law)
    found, whole = plan(asked, memory, near=True), choose(asked, PricedGrids())
    assert found.trace.searched == "near an earlier plan"
    assert found.choice.total_usd == pytest.approx(whole.total_usd, rel=0.02)


def test_where_nothing_near_keeps_the_limits_it_says_what_binds_in_the_whole_space(memory):
    with pytest.raises(InfeasibleError) as dragged:
        plan(question(tpot_s=1e-4), memory, near=True)
    with pytest.raises(InfeasibleError) as whole:
        plan(question(tpot_s=1e-4), PricedGrids())
    assert str(dragged.value) == str(whole.value)


def test_a_memory_does_not_grow_with_the_questions_that_are_dragged_through(monkeypatch):
    monkeypatch.setattr(near, "MOST_BOARDS", 3)
    monkeypatch.setattr(pricing, "MOST_SHEETS", 8)
    kept = PricedGrids()
    plan(question(), kept)
    for step in range(6):
        choose(question(tpot_s=0.05 * (1 + step / 1000), tokens=1e12 * 1.3**step), kept, near=True)
    (earlier,) = kept._things["earlier"].values()
    assert len(earlier.boards) == len(earlier.picked) == 3 and len(kept._sheets) == 8


def test_boards_of_few_spaces_are_kept():
    kept = PricedGrids()
    for experts in range(2, 9):
        choose(problem(1e21, space=plain(num_experts=(1, experts), max_width=1024), serve_tokens=1e11), kept)
    assert len(kept._things["board"]) == len(kept._things["earlier"]) == 4


def test_all_questions_that_are_asked_near_each_other_share_their_designs(memory):
    first, second = (plan(question(tokens=tokens), memory, near=True).trace for tokens in (1e12, 1.001e12))
    assert first.listed == second.listed and math.isclose(first.best, second.best, rel_tol=0.01)


def test_a_plan_near_another_is_told_in_words(memory):
    for brief in (False, True):
        found = plan(question(), memory, near=True, brief=brief)
        assert found.summary()
        assert any("near an earlier plan" in link.value + link.formula for link in chain(found))


def test_a_plan_that_is_made_anew_is_the_same_whatever_was_asked_before(monkeypatch):
    monkeypatch.setattr(listing, "FEW_POINTS", 0)  # a space that is searched, and not priced whole
    asked, elsewhere = question(tpot_s=0.06), PricedGrids()
    for tokens in (3e12, 1e11):  # of the same hardware and limits: what these came to know is taken up elsewhere
        plan(question(tokens=tokens, tpot_s=0.06), elsewhere)
    alone, later = plan(asked, PricedGrids(), anew=True), plan(asked, elsewhere, anew=True)
    assert plan_record(later, None, None) == plan_record(alone, None, None)
    assert plan(asked, elsewhere).trace != alone.trace
