from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LeastCost
from optimoe.planner.problem.space import Space
from optimoe.planner.search.best_first import Query, left_over, seek
from optimoe.planner.search.find import started
from optimoe.planner.search.objective import SearchGoal
from tests.planner.asked import problem

SPACE = Space(num_experts=(8, 64), top_k=(2,), first_dense_layers=(0,), max_width=4096)


@pytest.fixture(scope="module")
def boards():
    """A board on which some designs are priced, drawn at random, and one on which others are."""
    drawn = np.random.default_rng(0).permutation(SPACE.size)
    boards = [started(replace(problem(), space=SPACE), PricedGrids()) for _ in range(2)]
    for board, designs in zip(boards, (drawn[:300], drawn[300:600]), strict=True):
        board.serve(0, np.sort(designs))
    return boards


def missed(boards, *, local):
    """Errors of the estimates of designs that were not priced, in the logarithm, and over their margins."""
    board, truth = boards
    rates = board.rates(local=local)
    other = np.flatnonzero((np.nan_to_num(truth.known.rates[0]) > 0) & np.isfinite(rates.log[0]))
    error = rates.log[0, other] - np.log(truth.known.rates[0, other])
    return error, error / np.broadcast_to(rates.margin, rates.log.shape)[0, other]


@pytest.mark.parametrize("local", [False, True])
def test_nine_in_ten_estimates_lie_within_their_margin(boards, local):
    assert np.mean(np.abs(missed(boards, local=local)[1]) <= 1) > 0.9


def test_what_near_designs_say_makes_estimates_better(boards):
    errors = [np.median(np.abs(missed(boards, local=local)[0])) for local in (False, True)]
    assert errors[1] < 0.6 * errors[0]


def test_a_search_ends_when_nothing_that_is_left_may_be_better():
    asked = replace(problem(), space=SPACE, goal=LeastCost(max_loss=2.3))
    board, query = started(asked, PricedGrids()), Query(goal=SearchGoal(minimised=asked.goal))
    assert not board.known.whole
    seek(board, query)
    assert left_over(board, query) == 0
    assert board.served.sum() < 0.3 * board.served.size
