"""The budget, the traffic and the designs that a plan was asked for, in words."""

import math

from optimoe.core.units import (
    SECONDS_PER_HOUR,
    format_count,
    format_usd,
)
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import PredictedMfu, Training
from optimoe.report.words.lines import Lines
from optimoe.report.words.plan.traffic import deployments_words, limit_words, traffic_words


def question_lines(problem: Problem) -> Lines:
    """The budget, the traffic and the GPUs that may serve, as they were asked for."""
    workload = problem.workload
    traffic = f"{traffic_words(problem)}, {workload.input_tokens:,} in / {workload.output_tokens:,} out"
    served = [deployments_words(problem.deployments), *limit_words(problem.limits)]
    lines = [("Budget", _budget(problem)), ("Traffic", traffic), ("On", ", ".join(served))]
    return lines + ([("Designs", total_words(problem.space))] if problem.space.constant_total else [])


def _budget(problem: Problem) -> str:
    """The training budget, and the dollars that training and serving may take together."""
    budget, goal = budget_words(problem.training), problem.goal
    if not isinstance(goal, LowestLoss) or math.isinf(goal.total_usd):
        return budget
    together = f"{format_usd(float(goal.total_usd))} for training and serving together"
    return f"{budget}; {together}" if problem.training.bounded else together


def total_words(space: Space) -> str:
    """The total size that every design has: ``each of 47.0B parameters in total, within 2%``."""
    total, share = format_count(space.params_total), 100 * space.params_tolerance
    return f"each of {total} parameters in total, within {share:.2g}%"


def budget_words(training: Training) -> str:
    """The training budget as it was stated, and what it is in the other units."""
    gpu = training.accelerator.name
    stated = []
    if math.isfinite(training.budget_flops):
        stated.append(f"{format_count(training.budget_flops)} FLOP")
    if math.isfinite(training.budget_gpu_s):
        hours = training.budget_gpu_s / SECONDS_PER_HOUR
        stated.append(f"{hours:,.0f} hours of {gpu}, {_bought(training, training.budget_gpu_s)}")
    if not stated:
        return "not limited"
    where = f" on {training.run.cluster.num_gpus} × {gpu}" if training.run else ""
    if isinstance(training.utilisation, PredictedMfu):
        return f"{' and '.join(stated)}{where}, MFU predicted"
    rate = training.accelerator.flops_per_s("bf16") * training.utilisation.mfu
    flops = min(training.budget_flops, training.budget_gpu_s * rate)
    seconds = flops / rate
    also = f"{seconds / SECONDS_PER_HOUR:,.0f} hours of {gpu}, {_bought(training, seconds)}"
    if math.isfinite(training.budget_gpu_s):
        also = f"{format_count(flops)} FLOP"
    return f"{' and '.join(stated)} = {also}{where} at {training.utilisation.mfu:.0%} MFU"


def _bought(training: Training, gpu_s: float) -> str:
    """Dollars of so much GPU time, or that the GPUs are owned."""
    if training.price.owned:
        return "owned"
    bought = {"reserved": " reserved", "spot": " at spot prices"}.get(training.price.tier, "")
    return format_usd(gpu_s * training.price.usd_per_gpu_s) + bought
