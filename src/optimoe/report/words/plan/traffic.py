"""The traffic of a plan, its limits, and the deployments that carry it, in words."""

import math
from collections.abc import Sequence

from optimoe.core.units import SECONDS_PER_DAY, format_count, format_seconds
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits
from optimoe.planner.candidate import Candidate
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.traffic import Traffic
from optimoe.report.words.served.run_prose import statistic

DAYS_PER_YEAR = 365


def traffic_words(problem: Problem) -> str:
    """The traffic as it was stated: a rate over a life, or tokens."""
    traffic, answer = problem.traffic, problem.workload.output_tokens
    tokens = f"{format_count(traffic.lifetime_tokens)} output tokens"
    if not traffic.lifetime_tokens:
        return "none: training alone is paid for"
    if not traffic.rated:
        return tokens
    rate, days = traffic.mean_tokens_per_s / answer, traffic.life_s / SECONDS_PER_DAY
    peak = f", {traffic.peak_to_mean:g}× at the peak" if traffic.peak_to_mean > 1 else ""
    return f"{rate:.4g} requests/s for {days:,.4g} days{peak} = {tokens}"


def limit_words(limits: Limits) -> list[str]:
    """The limits on latency, each with the requests that must keep it: ``TTFT p95 ≤ 2.00 s``."""
    stated = (("TPOT", limits.tpot_s, limits.tpot_percentile), ("TTFT", limits.ttft_s, limits.ttft_percentile))
    of = {name: f" {statistic(share)}" if limits.on_percentiles else "" for name, _, share in stated}
    return [f"{name}{of[name]} ≤ {format_seconds(value)}" for name, value, _ in stated if math.isfinite(value)]


def deployments_words(deployments: Sequence[Deployment]) -> str:
    """The GPUs that may serve a copy: ``8 × h100-sxm``, ``1 to 64 × h100-sxm``; and precisions, of several."""
    counts: dict[str, list[int]] = {}
    for one in deployments:
        counts.setdefault(one.cluster.accelerator.name, []).append(one.cluster.num_gpus)
    kinds = [
        f"{f'{min(found)} to {max(found)}' if len(set(found)) > 1 else found[0]} × {name}"
        for name, found in counts.items()
    ]
    formats = list(dict.fromkeys(formats_of_a_design(one.engine)[0] for one in deployments))
    return " or ".join(kinds) + (f" in {', '.join(formats)}" if len(formats) > 1 else "")


def life_words(life_s: float) -> str:
    """A life in years where it is whole ones, else in days: ``2 years``, ``90 days``."""
    days = life_s / SECONDS_PER_DAY
    years, rest = divmod(days, DAYS_PER_YEAR)
    if years and not rest:
        return "a year" if years == 1 else f"{years:.0f} years"
    return f"{days:,.4g} days"


def fleet_words(choice: Candidate, traffic: Traffic) -> str:
    """The deployments that carry the traffic: ``3 × (8 × h200-sxm, fp8) = 24 GPUs, 71% used at the peak``."""
    cluster, fleet = choice.deployment.cluster, choice.fleet
    box = f"({cluster.num_gpus} × {cluster.accelerator.name}, {choice.served_in})"
    if not fleet.deployments:
        return box
    number = f"{fleet.deployments:,.0f} × {box} = {fleet.num_gpus:,.0f} GPUs"
    if traffic.rated:
        return f"{number}, {fleet.utilisation:.0%} used{' at the peak' if traffic.peak_to_mean > 1 else ''}"
    days = traffic.life_s / SECONDS_PER_DAY
    return f"{number} to give them in {days:,.4g} days, {fleet.utilisation:.0%} used"
