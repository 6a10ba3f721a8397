"""The choice in words prints the numbers of the plan."""

import re
from dataclasses import replace
from pathlib import Path

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.planner.explain.checks import check_commands
from optimoe.planner.plan import plan
from optimoe.report.words.plan.choice import check_lines, choice_lines
from optimoe.report.words.serving_prose import bound_words
from tests.planner.asked import SMALL, problem
from tests.report.words.plan.lines import text_of


def test_the_choice_is_said_with_its_numbers(result):
    choice, lines = result.choice, choice_lines(result)
    train, model = text_of(lines, "Train"), text_of(lines, "Model")
    assert f"{format_count(choice.params.active)} active of {format_count(choice.params.total)}" in model
    assert f"{format_count(choice.tokens)} tokens" in train
    assert f"{choice.loss.value:.3f} ({choice.loss.low:.3f} – {choice.loss.high:.3f})" in text_of(lines, "Loss")
    serve = text_of(lines, "Serve")
    assert f"{format_usd(choice.usd_per_mtok)} per M output tokens" in serve
    assert f"= {choice.fleet.num_gpus:,.0f} GPUs" in serve
    assert f"{choice.fleet.utilisation:.0%} used" in serve
    speed = text_of(lines, "Speed")
    for words in (
        f"TPOT {format_seconds(choice.tpot_s)}",
        f"({format_seconds(choice.tpot_band_s.low)} – {format_seconds(choice.tpot_band_s.high)})",
        f"TTFT {format_seconds(choice.ttft_s)}",
        bound_words(choice.serving.bound_by),
    ):
        assert words in speed
    total = text_of(lines, "Total")
    assert [format_usd(usd) in total for usd in (choice.total_usd, choice.train_usd, choice.serve_usd)] == [
        True
    ] * 3
    assert f"{choice.training.gpu_hours:,.0f} GPU hours at {choice.training.mfu:.0%} MFU" in train


def test_routing_that_costs_is_said():
    fine = plan(problem(law="zhao2025", space=replace(SMALL, num_experts=(256,), top_k=(8,), ffn_ratio=(0.5,))))
    assert re.search(r" · routing [0-9.]+% beyond 6ND", dict(choice_lines(fine))["Train"])
    assert "beyond 6ND" not in dict(choice_lines(plan(problem(space=replace(SMALL, num_experts=(1,))))))["Train"]


def test_what_gives_the_numbers_again_stands_under_one_label(result):
    assert check_lines(result, Path("out")) == [("Check", *check_commands(result, Path("out")))]
