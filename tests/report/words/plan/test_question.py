"""The question of a plan is repeated in its own units."""

from dataclasses import replace

from optimoe.core.units import format_count
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import given_price, list_price
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.training import GivenMfu, Training
from optimoe.report.words.plan.question import (
    budget_words,
    question_lines,
)
from tests.planner.asked import SMALL, problem
from tests.report.words.plan.lines import text_of


def test_the_question_is_repeated(result):
    lines = question_lines(result.problem)
    traffic = text_of(lines, "Traffic")
    assert f"{format_count(result.problem.lifetime_tokens)} output tokens" in traffic
    assert traffic.endswith(" output tokens, 1,024 in / 1,024 out")
    assert text_of(lines, "On") == "8 × h100-sxm, TPOT ≤ 50.0 ms"
    assert format_count(result.problem.training.budget_flops) in text_of(lines, "Budget")


def test_a_budget_is_said_in_its_own_unit_and_in_the_other():
    gpu, price = find_accelerator("h100-sxm"), given_price(2.0)
    training = Training(accelerator=gpu, price=price, budget_gpu_s=3600.0 * 1000, utilisation=GivenMfu(mfu=0.5))
    rate = gpu.flops_per_s("bf16") * 0.5
    words = budget_words(training)
    assert words.startswith("1,000 hours of h100-sxm, $2,000 = ")
    assert f"{format_count(3600.0 * 1000 * rate)} FLOP at 50% MFU" in words
    assert "on" not in words.split(" = ")[1]
    assert budget_words(training.unbounded()) == "not limited"
    flops = budget_words(replace(training.unbounded(), budget_flops=3600.0 * 10 * rate))
    assert "10 hours of h100-sxm, $20.00 at 50% MFU" in flops


def test_a_budget_says_how_its_hours_are_bought():
    gpu = find_accelerator("h100-sxm")

    def said(price):
        return budget_words(Training(accelerator=gpu, price=price, budget_gpu_s=3.6e6))

    assert said(list_price("h100-sxm", tier="spot")).startswith(
        "1,000 hours of h100-sxm, $2,464 at spot prices = "
    )
    assert said(given_price(0.0)).startswith("1,000 hours of h100-sxm, owned = ")


def test_a_total_that_is_held_is_said():
    space = replace(SMALL, num_experts=(1, 16), params_total=2e10)
    assert ("Designs", "each of 20.0B parameters in total, within 2%") in question_lines(problem(space=space))


def test_a_budget_of_total_dollars_is_said_and_beside_one_of_training_too(result):
    goal = LowestLoss(total_usd=2e7)
    alone = replace(result.problem, goal=goal, training=result.problem.training.unbounded())
    assert text_of(question_lines(alone), "Budget") == "$20.0M for training and serving together"
    both = text_of(question_lines(replace(result.problem, goal=goal)), "Budget")
    assert both.endswith("; $20.0M for training and serving together")
    assert both.startswith(budget_words(result.problem.training))
