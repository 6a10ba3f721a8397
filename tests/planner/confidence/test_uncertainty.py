"""Draws of the law."""

import pytest

from optimoe.planner.confidence.uncertainty import uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from tests.planner.asked import problem


def test_draws_of_the_law_centre_on_the_choice():
    result = plan(problem())
    found = uncertainty(result, draws=16)
    assert sum(one.probability for one in found.chances) == pytest.approx(1)
    assert found.chances[0].probability >= 1 / len(found.chances)
    assert found.loss_low < result.choice.loss.value < found.loss_high
    assert found.mean_regret >= 0
    assert found.worst_regret >= -1e-6
    assert found.unit == "usd"
    assert uncertainty(plan(problem(goal=LowestLoss())), draws=16).unit == "nats"
