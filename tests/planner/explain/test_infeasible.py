"""Which limit binds, and what lifts it."""

import math

import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.cost.serving.workload import Limits
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from tests.planner.asked import problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limits": Limits(tpot_s=1e-6)}, "tpot: the limit of 1.00 µs binds"),
        ({"limits": Limits(ttft_s=1e-6)}, "ttft: the limit of 1.00 µs binds"),
        ({"goal": LeastCost(max_loss=1.4)}, "target_loss"),
        ({"goal": LeastCost(max_loss=2.05)}, "train_flops: the budget of 1.00e22 FLOP binds"),
        ({"flops": math.inf, "goal": LowestLoss(total_usd=1.0)}, "total_usd: the limit of $1.00 binds"),
        ({"flops": 100.0, "goal": LowestLoss()}, "training budget: 100 FLOP bind; they train less than a token"),
        ({"flops": 100.0, "goal": LowestLoss(usd_per_mtok=9.0)}, "training budget: 100 FLOP bind"),
    ],
)
def test_an_impossible_question_says_which_limit_binds(changes, words):
    with pytest.raises(InfeasibleError) as caught:
        plan(problem(**changes))
    assert words in str(caught.value)
    assert not {"–", "inf", "nan"} & set(str(caught.value).replace("$", " ").split())  # of what nobody stated


def test_the_training_budget_that_is_said_to_suffice_does():
    with pytest.raises(InfeasibleError) as caught:
        plan(problem(goal=LeastCost(max_loss=2.05)))
    flops = float(str(caught.value).split("--train-flops ")[1].split()[0])
    assert plan(problem(flops=flops, goal=LeastCost(max_loss=2.05))).choice.loss.value == pytest.approx(2.05)


def test_a_serving_cost_that_nothing_reaches_says_what_would():
    with pytest.raises(InfeasibleError, match=r"usd_per_mtok: the limit of .* binds"):
        plan(problem(goal=LowestLoss(usd_per_mtok=1e-6)))
