"""Whether anything serves within memory and limits, and where nothing does, which of them binds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.grid import map_numbers
from optimoe.core.units import format_seconds
from optimoe.cost.engines.engine import Engine
from optimoe.cost.layers.layout import Layout, as_column, divides
from optimoe.cost.serving.estimate import Deployment, evaluate, memory_shortage
from optimoe.cost.serving.memory import gpu_memory
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.candidates import likely_layouts


@dataclass(frozen=True, kw_only=True)
class Feasibility:
    """What the best layout of each single kind reaches, for saying which limit binds. Numbers or arrays.

    Attributes:
        fits: Whether the weights and one request fit the memory in some layout; two that come at random.
        least_tpot_s: Smallest TPOT among layouts that fit; infinite when none does.
        least_ttft_s: Smallest TTFT among them.
    """

    fits: Flags
    least_tpot_s: Values
    least_ttft_s: Values


def feasibility(
    arch: ArchSpec,
    deployment: Deployment,
    layouts: Layout | None = None,
    concurrency: float | None = None,
) -> Feasibility:
    """What a number of requests (left out: one per attention rank) reaches over all layouts that fit.

    Layouts are those of :func:`~optimoe.cost.sizing.candidates.likely_layouts` unless given.
    """
    tried = as_column(likely_layouts(arch, deployment) if layouts is None else layouts)
    grid = arch.over(2)
    requests = np.asarray(tried.dp) if concurrency is None else concurrency
    estimate = evaluate(grid, deployment, layout=tried, concurrency=requests)
    fits = divides(grid, tried) & np.asarray(estimate.max_batch >= estimate.concurrency)
    fits = fits & np.asarray(estimate.tokens_per_s > 0)
    fits, tpot_s, ttft_s = np.broadcast_arrays(fits, estimate.tpot_s, estimate.ttft_s)
    return Feasibility(
        fits=fits.any(axis=(-2, -1)),
        least_tpot_s=np.where(fits, tpot_s, np.inf).min(axis=(-2, -1)),
        least_ttft_s=np.where(fits, ttft_s, np.inf).min(axis=(-2, -1)),
    )


def why_nothing_serves(
    arch: ArchSpec, deployment: Deployment, layouts: Layout, concurrency: float | None = None
) -> str:
    """One line on what stands in the way of one model in all of these layouts, and what would lift it.

    Memory is explained by the layout that comes nearest to holding the requests.
    """
    reached = feasibility(arch, deployment, layouts, concurrency)
    if np.any(reached.fits) or (deployment.limits.on_percentiles and concurrency is None):
        return explain_infeasible([reached], deployment.limits)
    requests = np.asarray(layouts.dp) if concurrency is None else np.full(np.shape(layouts.dp), concurrency)
    estimate = evaluate(arch, deployment, layout=layouts, concurrency=requests)
    nearest = int(np.argmax(estimate.max_batch / requests))
    best = map_numbers(estimate, lambda values: np.broadcast_to(values, requests.shape)[nearest].item())
    return memory_shortage(arch, deployment, best)


def startable(arch: ArchSpec, deployment: Deployment, layouts: Layout) -> Deployment:
    """The deployment at the share of memory of its engine's later releases, where they alone can load the weights.

    That is where in no layout the engine's own share holds them, none was stated, and the later one does.
    """
    engine = deployment.engine
    later = replace(engine, memory_share=engine.reserve.later_share)
    if engine.memory_share or not later.memory_share:
        return deployment

    def loads(software: Engine) -> bool:
        tried = as_column(layouts)
        memory = gpu_memory(deployment.machine(tried), software, arch.over(2), deployment.workload)
        return bool(np.any(np.asarray(memory.cache > 0) & divides(arch.over(2), tried)))

    return replace(deployment, engine=later) if not loads(engine) and loads(later) else deployment


def explain_infeasible(reached: Sequence[Feasibility], limits: Limits) -> str:
    """One line on the limit that binds all of these designs, and what would lift it."""
    if not any(np.any(design.fits) for design in reached):
        requests = "two requests" if limits.on_percentiles else "one request"
        return f"memory: the weights and {requests} do not fit; take more GPUs or a lower precision"
    tpot_s = float(min(np.min(design.least_tpot_s) for design in reached))
    ttft_s = float(min(np.min(design.least_ttft_s) for design in reached))
    if tpot_s > limits.tpot_s:
        return (
            f"tpot: the limit of {_limit(limits.tpot_s, limits.tpot_percentile)} binds; the fastest design "
            f"reaches {format_seconds(tpot_s)} (--tpot {_option(tpot_s, limits.tpot_percentile)} would lift it)"
        )
    if ttft_s > limits.ttft_s:
        return (
            f"ttft: the limit of {_limit(limits.ttft_s, limits.ttft_percentile)} binds; the fastest design "
            f"reaches {format_seconds(ttft_s)} (--ttft {_option(ttft_s, limits.ttft_percentile)} would lift it)"
        )
    return "tpot and ttft: each limit can be met alone, but not both in one layout; raise either"


def _limit(seconds: float, percentile: float) -> str:
    """A limit in words: ``50.0 ms``, ``50.0 ms for 95% of the requests``."""
    return format_seconds(seconds) + (f" for {100 * percentile:.4g}% of the requests" if percentile else "")


def _option(seconds: float, percentile: float) -> str:
    """A limit that would do, 1 % above what is reached, as it is typed."""
    return f"{f'p{100 * percentile:.4g}:' if percentile else ''}{seconds * 1.01:.3g}"
