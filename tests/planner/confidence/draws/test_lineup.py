"""Designs side by side, the choice last."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.confidence.draws.money import as_stated, money_draws
from tests.planner.asked import LAW
from tests.planner.confidence.small import small


def test_the_choice_stands_last_with_the_numbers_that_the_plan_states():
    result, asked = small()
    lineup, choice = asked.lineup, result.choice
    assert lineup.families[-1] == choice.family
    assert lineup.serve_usd[-1] == pytest.approx(choice.serve_usd)
    assert lineup.usd_per_mtok[-1] == pytest.approx(choice.usd_per_mtok)
    assert lineup.usd_per_train_token[-1] * choice.tokens == pytest.approx(choice.train_usd)
    assert lineup.loss(choice.tokens)[-1] == pytest.approx(choice.loss.value)
    assert lineup.possible[-1]
    assert "designs" in repr(lineup)


def test_dollars_of_a_draw_are_those_of_its_prices_and_its_demand():
    result, asked = small()
    lineup, money = asked.lineup, replace(asked.money, serve=np.full_like(asked.money.serve, 2.0))
    stated, drawn = lineup.dollars(as_stated(result.problem)), lineup.dollars(money)
    demand = np.array(money.demands)[money.level]
    served = np.isfinite(stated.serve[0])
    assert drawn.serve[:, served] == pytest.approx(2 * demand[:, None] * stated.serve[:, served])
    assert np.isinf(drawn.serve[:, ~served]).all()
    assert drawn.per_mtok[:, served] == pytest.approx(np.tile(2 * stated.per_mtok[:, served], (len(demand), 1)))
    assert drawn.per_train_token == pytest.approx(money.train * stated.per_train_token)


def test_without_traffic_serving_is_free_and_still_within_the_limits():
    result, asked = small()
    quiet = replace(result.problem, traffic=result.problem.traffic.scaled(0.0))
    stated = asked.lineup.dollars(as_stated(result.problem)).serve
    free = replace(asked.lineup, problem=quiet).dollars(money_draws(quiet, 3)).serve
    assert set(np.unique(free[np.broadcast_to(np.isfinite(stated), free.shape)])) == {0.0}
    assert np.array_equal(np.isinf(free[0]), np.isinf(stated[0]))


def test_some_of_the_designs_are_the_same_designs():
    _, asked = small()
    lineup, kept = asked.lineup, np.array([0, 7, len(asked.lineup) - 1])
    part = lineup.where(kept)
    assert len(part) == 3
    assert part.families == tuple(lineup.families[place] for place in kept)
    assert np.array_equal(part.loss(1e11), lineup.loss(1e11)[kept])
    drawn = part.drawn(asked.law, np.full(3, 1e11))
    assert drawn.loss(1e11) == pytest.approx(
        lineup.drawn(asked.law, np.full(len(lineup), 1e11)).loss(1e11)[:, kept]
    )


def test_a_law_that_may_not_rank_a_design_leaves_it_out():
    _, asked = small()
    dense = asked.lineup.under(LAW("besiroglu2024"))
    assert list(dense.ranked) == [family.dense for family in dense.families]
    assert np.isnan(dense.loss(1e11)[~dense.ranked]).all()
