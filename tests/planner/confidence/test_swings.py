"""The tornado."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.confidence.swings import chosen, swings
from optimoe.planner.plan import choose
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from tests.planner.asked import LAW
from tests.planner.confidence.small import small


@pytest.mark.parametrize("goal", [None, LowestLoss(), LowestLoss(total_usd=3e3), LeastCost(max_loss=2.5)])
def test_what_is_chosen_of_a_lineup_is_what_a_plan_chooses(goal):
    result, asked = small()
    problem = result.problem if goal is None else replace(result.problem, goal=goal)
    found, own = chosen(replace(asked.lineup, problem=problem)), choose(problem)
    assert found.family.num_experts == own.family.num_experts
    assert found.loss == pytest.approx(own.loss.value, rel=1e-3)
    assert found.total_usd == pytest.approx(own.total_usd, rel=0.02)


def test_nothing_is_chosen_where_nothing_is_feasible():
    _, asked = small()
    assert chosen(replace(asked.lineup, tokens_per_s=np.zeros_like(asked.lineup.tokens_per_s))) is None


def test_each_input_moves_alone_and_dearer_or_more_costs_more():
    result, asked = small()
    found = {swing.name: swing for swing in swings(result, asked.lineup, [LAW("zhao2025")])}
    for name in ("demand", "serving price", "training price"):
        less, more = found[name].choices
        assert less.total_usd < result.choice.total_usd < more.total_usd
    slow, fast = found["MFU"].choices
    assert slow.total_usd > fast.total_usd
    tight, loose = found["TPOT limit"].choices
    assert tight is None or tight.total_usd >= loose.total_usd
    assert found["law"].ends == ("zhao2025",)
