"""What repeated tokens are worth."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import InfeasibleError
from optimoe.planner.plan import plan
from optimoe.planner.problem.data import Data, repeat_constant
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from tests.planner.asked import problem


@given(tokens=st.floats(1e6, 1e14), unique=st.floats(1e8, 1e13))
def test_repeated_tokens_are_worth_less_and_never_more_than_new_ones(tokens, unique):
    data = Data(unique_tokens=unique)
    worth = float(data.worth(tokens))
    assert worth <= tokens * (1 + 1e-12)
    assert worth <= unique * (1 + repeat_constant()) * (1 + 1e-12)
    assert float(data.worth(tokens * 1.1)) >= worth * (1 - 1e-12)
    if tokens < 20 * unique:
        assert float(data.tokens(worth)) == pytest.approx(tokens, rel=1e-6)
    assert float(Data().worth(tokens)) == tokens


def test_the_paper_s_worth_of_four_passes():
    """Seen four times, tokens are worth 3.73 of new ones, by the published constant."""
    assert float(Data(unique_tokens=1e9).worth(4e9)) / 1e9 == pytest.approx(
        1 + 15.387756 * (1 - math.exp(-3 / 15.387756))
    )
    assert math.isinf(float(Data(unique_tokens=1e9).tokens(17e9)))
    assert float(Data(unique_tokens=1e9, repeats=False).tokens(0.5e9)) == 0.5e9
    assert math.isinf(float(Data(unique_tokens=1e9, repeats=False).tokens(2e9)))


def test_fewer_distinct_tokens_never_lower_the_loss_and_too_few_are_said():
    plenty, few = (
        plan(problem(goal=LowestLoss())),
        plan(replace(problem(goal=LowestLoss()), data=Data(unique_tokens=2e10))),
    )
    assert few.choice.loss.value > plenty.choice.loss.value
    assert few.choice.passes > 1
    once = plan(replace(problem(goal=LowestLoss()), data=Data(unique_tokens=2e10, repeats=False))).choice
    assert once.passes <= 1
    with pytest.raises(InfeasibleError, match="unique_tokens"):
        plan(replace(problem(flops=math.inf, goal=LeastCost(max_loss=2.1)), data=Data(unique_tokens=1e9)))
