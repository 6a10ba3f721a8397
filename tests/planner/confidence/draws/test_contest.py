"""Every design beside the choice, in every draw."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.confidence.draws.contest import (
    MOST_DRAWN,
    Contest,
    contest,
    kept_promise,
    near_choice,
    shut_out,
    spent_tokens,
)
from optimoe.planner.plan import plan
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from tests.planner.asked import problem
from tests.planner.confidence.small import TINY, small

GOALS = {
    "near best": lambda random: NearBest(loss_slack=random.uniform(0.001, 0.03)),
    "near best in serving": lambda random: NearBest(loss_slack=random.uniform(0.001, 0.03), count="serving"),
    "lowest loss": lambda random: LowestLoss(),
    "total dollars": lambda random: LowestLoss(total_usd=10 ** random.uniform(3.5, 4.5)),
    "serving price": lambda random: LowestLoss(usd_per_mtok=10 ** random.uniform(-2, -1.2)),
    "target loss": lambda random: LeastCost(max_loss=random.uniform(2.4, 2.7)),
    "target loss in serving": lambda random: LeastCost(max_loss=random.uniform(2.4, 2.7), count="serving"),
}


@pytest.mark.parametrize("goal", GOALS)
def test_the_choice_wins_under_the_law_itself_whatever_the_goal(goal):
    random = np.random.default_rng(list(GOALS).index(goal))
    judged = 0
    for _ in range(2):
        flops = math.inf if goal == "total dollars" else 10 ** random.uniform(20, 21.3)
        try:
            tokens = 10 ** random.uniform(10, 12)
            result = plan(problem(flops, goal=GOALS[goal](random), space=TINY, serve_tokens=tokens))
        except InfeasibleError:
            continue
        judged += 1
        found = contest(result, ask(result, draws=2).lineup)
        unit = 1.0 if found.by_loss else result.choice.total_usd
        assert list(found.winners) == [len(found.lineup) - 1]
        assert found.own_regret[0] == pytest.approx(0, abs=1e-6 * unit)
        assert found.own_loss[0] == pytest.approx(result.choice.loss.value)
    assert judged


def test_what_the_choice_pays_in_a_draw_is_what_the_plan_states():
    result, asked = small()
    assert contest(result, asked.lineup).objective[0, -1] == pytest.approx(result.choice.total_usd)
    by_serving = replace(result, problem=replace(result.problem, goal=NearBest(count="serving")))
    assert contest(by_serving, asked.lineup).objective[0, -1] == pytest.approx(result.choice.serve_usd)
    by_loss = replace(result, problem=replace(result.problem, goal=LowestLoss()))
    assert contest(by_loss, asked.lineup).objective[0, -1] == pytest.approx(result.choice.loss.value)


def test_a_total_of_dollars_says_how_long_each_design_is_trained():
    result, asked = small()
    problem = replace(result.problem, goal=LowestLoss(total_usd=2e3), training=result.problem.training.unbounded())
    lineup = replace(asked.lineup, problem=problem)
    tokens, spent = spent_tokens(replace(result, problem=problem), lineup), lineup.usd_per_train_token
    affordable = lineup.possible & (lineup.serve_usd < 1.9e3)
    assert affordable.any()
    assert (lineup.serve_usd > 2e3).any()
    assert tokens.min() > 1e6  # what affords none is taken to be trained as the choice is
    paid = tokens * spent + lineup.serve_usd
    assert paid[affordable] == pytest.approx(np.full(affordable.sum(), 2e3))


def test_a_dearer_hour_shuts_no_design_out_that_the_choice_would_be_shut_out_with():
    result, asked = small()
    choice = result.choice
    goal = LowestLoss(total_usd=choice.total_usd, usd_per_mtok=choice.usd_per_mtok)
    limited = replace(result, problem=replace(result.problem, goal=goal))
    money = replace(asked.money, train=3 * asked.money.train, serve=3 * asked.money.serve)
    found = contest(limited, asked.lineup, money)
    assert np.isfinite(found.objective[:, :-1]).any(axis=1).all()
    assert found.objective[:, -1] == pytest.approx(choice.loss.value)


def test_numbers_of_experts_share_the_draws_and_not_families():
    coarse, fine, dense = Family(num_experts=8), Family(num_experts=8, top_k=2), Family(num_experts=1)
    _, asked = small()
    three = replace(asked.lineup.where(np.arange(3)), families=(coarse, fine, dense))
    objective = np.array([[1, 2, 3], [2, 1, 3], [3, 1, 2], [3, 2, 1], [9, 8, 7]], dtype=float)
    found = Contest(lineup=three, objective=objective, own_loss=np.zeros(5), by_loss=False)
    assert [(one.family, one.probability) for one in found.chances()] == [(fine, 0.6), (dense, 0.4)]
    assert list(found.own_regret) == [2, 2, 1, 0, 0]
    assert found.apart[0] == pytest.approx([-2 / 3, -1 / 3, 0])


def test_a_promise_is_kept_where_the_choice_is_as_near_the_lowest_loss_as_was_asked():
    result, asked = small()
    assert list(kept_promise(result, contest(result, asked.lineup))) == [True]
    lowest = result.lowest_loss.loss.value
    strict = replace(result, problem=replace(result.problem, goal=NearBest(loss_slack=0.005)))
    assert result.choice.loss.value > 1.005 * lowest
    assert list(kept_promise(strict, contest(result, asked.lineup))) == [False]
    for target, kept in ((1.001, True), (0.999, False)):
        stated = LeastCost(max_loss=target * result.choice.loss.value)
        asks = replace(result, problem=replace(result.problem, goal=stated))
        assert list(kept_promise(asks, contest(asks, asked.lineup))) == [kept]
    by_loss = replace(result, problem=replace(result.problem, goal=LowestLoss()))
    assert kept_promise(by_loss, contest(by_loss, asked.lineup)) is None


def test_a_large_space_is_drawn_where_it_comes_near_the_choice(monkeypatch):
    result, asked = small()
    lineup = asked.lineup
    assert len(lineup) <= MOST_DRAWN
    assert list(near_choice(result, lineup, asked.law, asked.money)) == list(range(len(lineup)))
    monkeypatch.setattr("optimoe.planner.confidence.draws.contest.MOST_DRAWN", 60)
    monkeypatch.setattr("optimoe.planner.confidence.draws.contest.LOWEST_DRAWN", 20)
    near = np.unique(near_choice(result, lineup, asked.law, asked.money))
    assert 40 <= len(near) <= 61
    whole = contest(result, lineup).apart[0]
    assert set(np.argsort(whole, kind="stable")[:5]) <= set(near)
    assert len(lineup) - 1 in near


def test_of_a_large_space_the_best_designs_that_no_deployment_serves_are_kept(monkeypatch):
    result, asked = small()
    own = asked.lineup
    fits = own.params_total <= np.median(own.params_total)
    fits[-1] = True
    shut = replace(own, tokens_per_s=np.where(fits, own.tokens_per_s, 0.0))
    monkeypatch.setattr("optimoe.planner.confidence.draws.contest.MOST_DRAWN", 60)
    monkeypatch.setattr("optimoe.planner.confidence.draws.contest.LOWEST_DRAWN", 20)
    near = np.unique(near_choice(result, shut, asked.law, asked.money))
    kept = near[~fits[near]]
    cheapest, lowest = shut_out(shut, result.choice.loss.value)
    assert not np.isfinite(lowest[fits]).any()
    assert {int(cheapest.argmin()), int(lowest.argmin())} <= set(kept)
    edge = own.params_total <= 1.2 * own.params_total[fits].max()
    assert int(np.where(edge, lowest, np.inf).argmin()) in kept  # a fifth more memory would hold it
