"""Draws of the law."""

import math

import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.laws.catalog import find_law
from optimoe.planner.confidence import uncertainty as asked
from optimoe.planner.confidence.uncertainty import uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from tests.planner.asked import plain, problem

TINY = plain(num_experts=(1, 4, 16), max_width=2048)


def central(law, draws):
    """Draws of a law that is known exactly."""
    columns = {name: np.full((draws, 1), value) for name, value in law.row.coefficients.items()}
    return type(law)(law.row.with_coefficients(columns), find_law)


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
def test_a_law_that_is_known_exactly_makes_the_choice_sure_under_every_goal(goal, monkeypatch):
    monkeypatch.setattr(asked, "_draws", central)
    random = np.random.default_rng(list(GOALS).index(goal))
    judged = 0
    for _ in range(2):
        flops = math.inf if goal == "total dollars" else 10 ** random.uniform(20, 21.3)
        try:
            result = plan(
                problem(flops, goal=GOALS[goal](random), space=TINY, serve_tokens=10 ** random.uniform(10, 12))
            )
        except InfeasibleError:
            continue
        judged += 1
        found = uncertainty(result, draws=4)
        (chance,) = found.chances
        assert chance.family.num_experts == result.choice.family.num_experts
        assert chance.probability == 1
        unit = asked.paid(result) if found.unit == "usd" else 1.0
        assert found.mean_regret == pytest.approx(0, abs=1e-6 * unit)
        assert found.loss_low <= result.choice.loss.value * (1 + 1e-9) <= found.loss_high * (1 + 2e-9)
    assert judged


def test_numbers_of_experts_share_the_draws_and_not_families():
    coarse, fine, dense = (
        asked.Family(num_experts=8, top_k=1), asked.Family(num_experts=8, top_k=2), asked.Family(num_experts=1)
    )  # fmt: skip
    found = asked.chances_of([coarse, fine, dense], np.array([0, 1, 1, 2, 2]))
    assert [(one.family, one.probability) for one in found] == [(fine, 0.6), (dense, 0.4)]
