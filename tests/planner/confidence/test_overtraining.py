"""Loss and price by size."""

import math

import pytest

from optimoe.planner.confidence.overtraining import size_curve
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from tests.planner.asked import problem


def test_the_loss_is_flat_at_its_optimal_size_and_the_price_is_not():
    result = plan(problem(1e22, goal=LowestLoss()))
    curve = size_curve(result)
    sizes, losses = [point.params_active for point in curve], [point.loss for point in curve]
    assert sizes == sorted(sizes)
    assert min(losses) == pytest.approx(result.choice.loss.value, rel=2e-3)
    best = losses.index(min(losses))
    half = min(range(len(curve)), key=lambda i: abs(math.log(sizes[i] / sizes[best] * 2)))
    assert curve[half].loss / curve[best].loss - 1 < 0.03
    assert curve[half].usd_per_mtok < 0.75 * curve[best].usd_per_mtok
    assert size_curve(plan(problem(math.inf, goal=LeastCost(max_loss=2.3)))) == ()
