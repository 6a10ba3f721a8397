"""Search of the layout and the concurrency that serve cheapest within latency limits and memory."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.grid import map_arrays, map_numbers
from optimoe.core.units import format_seconds
from optimoe.cost.layers.layout import DEGREES, Layout, candidate_layouts, check_layout, divides
from optimoe.cost.serving.estimate import Deployment, Prepared, ServingEstimate, evaluate, prepare, require_fits
from optimoe.cost.serving.workload import Limits

MOST_REQUESTS = 2.0**14
"""Running requests of an attention rank beyond which no engine goes."""

BATCHES = np.append(np.unique(np.floor(1.01 ** np.arange(975))), MOST_REQUESTS)
"""Requests of an attention rank that are looked at: every number to 100, then steps of 1 % to 2^14."""

MOST_STEPS = 40
"""Of the search among them; a handful is usual."""

NOTHING_FIXED: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Feasibility:
    """What the best layout of each single kind reaches, for saying which limit binds. Numbers or arrays.

    Attributes:
        fits: Whether the weights and one request fit the memory in some layout.
        least_tpot_s: Smallest TPOT among layouts that fit; infinite when none does.
        least_ttft_s: Smallest TTFT among them.
    """

    fits: Flags
    least_tpot_s: Values
    least_ttft_s: Values


def cheapest_serving(arch: ArchSpec, deployment: Deployment, layouts: Layout | None = None) -> ServingEstimate:
    """The layout and the concurrency with the least dollars per token within all limits.

    Every layout of :func:`likely_layouts`, or those given as arrays, each at the largest batch that fits the
    memory and keeps the limits, to 1 %: latency and tokens per second both grow with the batch. For a grid of
    designs the fields are arrays over it. Where nothing is feasible ``tokens_per_s`` is 0, ``usd_per_mtok``
    infinite, and the other fields mean nothing. On equal GPUs the least dollars per token are the most tokens
    per second.

    Raises:
        InputError: The accelerator lacks the precision.
    """
    tried = _column(likely_layouts(arch, deployment) if layouts is None else layouts)
    grid = arch.over(2)
    ready = prepare(grid, deployment, tried)
    return _cheapest(grid, deployment, tried, _largest_kept(grid, deployment, ready), ready)


def _largest_kept(grid: ArchSpec, deployment: Deployment, ready: Prepared) -> Values:
    """Whole requests of a rank, the most that fit and keep the limits; 1 where not even one does."""
    limits, layout = deployment.limits, ready.machine.layout
    most = np.clip(np.asarray(ready.fits), 1.0, MOST_REQUESTS)
    if math.isinf(limits.tpot_s) and math.isinf(limits.ttft_s):
        return most
    usable = np.asarray(divides(grid, layout)) & (np.asarray(ready.fits) >= 1)
    shape = np.broadcast_shapes(usable.shape, most.shape)

    def excess(batch: np.ndarray, cells: np.ndarray) -> np.ndarray:
        def row(values: Values) -> np.ndarray:
            return np.broadcast_to(values, shape).reshape(-1)[cells]

        split = layout.each(row)
        machine = replace(ready.machine, layout=split)
        part = Prepared(machine=machine, prompt_s=row(ready.prompt_s), fits=row(ready.fits))
        estimate = evaluate(
            map_arrays(grid, row), deployment, layout=split, concurrency=batch * split.dp, ready=part
        )
        return np.maximum(estimate.tpot_s / limits.tpot_s, estimate.ttft_s / limits.ttft_s) - 1

    batches = np.ones(shape).reshape(-1)
    cells = np.flatnonzero(np.broadcast_to(usable, shape))
    if len(cells):
        batches[cells] = _largest_within(excess, cells, np.broadcast_to(most, shape).reshape(-1)[cells])
    return batches.reshape(shape)


Excess = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _largest_within(excess: Excess, cells: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Of each cell the largest of :data:`BATCHES` up to ``most``, or that, with an excess of at most 0; else 1.

    False position, for latency grows and is nearly linear in the batch; an end that stays counts half (the
    Illinois rule). Cells that are settled are not looked at again.
    """
    high, low = most.copy(), np.ones_like(most)
    under, over = excess(low, cells), excess(high, cells)
    low = np.where((over <= 0) & (under <= 0), high, low)
    left = np.flatnonzero((over > 0) & (under <= 0))
    for _ in range(MOST_STEPS):
        left = left[_next(low[left]) < high[left]]
        if not len(left):
            break
        a, b, f, g = low[left], high[left], under[left], over[left]
        snapped = BATCHES[np.searchsorted(BATCHES, a + (b - a) * f / (f - g), side="right") - 1]
        middle = np.clip(snapped, _next(a), BATCHES[np.searchsorted(BATCHES, b) - 1])
        between = excess(middle, cells[left])
        good = between <= 0
        under[left], over[left] = np.where(good, between, f / 2), np.where(good, g / 2, between)
        low[left], high[left] = np.where(good, middle, a), np.where(good, b, middle)
    return low


def _next(batch: np.ndarray) -> np.ndarray:
    """The batch that is looked at after this one; the last one after itself."""
    return BATCHES[np.minimum(np.searchsorted(BATCHES, batch, side="right"), len(BATCHES) - 1)]


def best_serving(
    arch: ArchSpec,
    deployment: Deployment,
    *,
    fixed: Mapping[str, float] | None = None,
    concurrency: float | None = None,
) -> ServingEstimate:
    """One model: :func:`cheapest_serving` over all layouts, with degrees or the concurrency fixed where given.

    Args:
        arch: The model.
        deployment: Where and what to serve.
        fixed: Degrees by name (``tp``, ``ep``, ``pp``, ``dp``, ``sp``) and the ``resident`` share of experts.
        concurrency: Requests in flight.

    Raises:
        ConfigError: No layout with the given degrees uses the GPUs and divides the model.
        InputError: The accelerator lacks the precision.
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    layouts = every_layout(arch, deployment, fixed or {})
    if concurrency is None:
        best = cheapest_serving(arch, deployment, layouts)
    else:
        require(concurrency >= 1, "concurrency", "at least 1", concurrency)
        tried = _column(layouts)
        ready = prepare(arch, deployment, tried)
        best = _cheapest(arch, deployment, tried, concurrency / np.asarray(tried.dp), ready)
    if best.tokens_per_s > 0:
        return best
    reached = feasibility(arch, deployment, layouts, concurrency)
    if not np.any(reached.fits):
        _require_some_fit(arch, deployment, layouts, concurrency)
    raise InfeasibleError(explain_infeasible([reached], deployment.limits))


def feasibility(
    arch: ArchSpec,
    deployment: Deployment,
    layouts: Layout | None = None,
    concurrency: float | None = None,
) -> Feasibility:
    """What a number of requests (left out: one per attention rank) reaches over all layouts that fit."""
    tried = _column(likely_layouts(arch, deployment) if layouts is None else layouts)
    grid = arch.over(2)
    requests = np.asarray(tried.dp) if concurrency is None else concurrency
    estimate = evaluate(grid, deployment, layout=tried, concurrency=requests)
    fits = divides(grid, tried) & np.asarray(estimate.max_batch >= estimate.concurrency)
    fits, tpot_s, ttft_s = np.broadcast_arrays(fits, estimate.tpot_s, estimate.ttft_s)
    return Feasibility(
        fits=fits.any(axis=(-2, -1)),
        least_tpot_s=np.where(fits, tpot_s, np.inf).min(axis=(-2, -1)),
        least_ttft_s=np.where(fits, ttft_s, np.inf).min(axis=(-2, -1)),
    )


def likely_layouts(arch: ArchSpec, deployment: Deployment) -> Layout:
    """The layouts worth trying on a whole grid of designs, as arrays.

    tp any power of two within a node; experts split by width, dealt over tp, or dealt over all ranks; one
    stage within a node and at most one per node beyond.
    """
    every = _candidates(arch, deployment, {})
    ranks = every.tp * every.dp
    nodes = max(1, deployment.cluster.num_gpus // deployment.cluster.accelerator.gpus_per_node)
    kept = ((every.ep == 1) | (every.ep == every.tp) | (every.ep == ranks)) & (every.pp <= nodes)
    return every.each(lambda degrees: degrees[kept])


def every_layout(arch: ArchSpec, deployment: Deployment, fixed: Mapping[str, float] = NOTHING_FIXED) -> Layout:
    """All layouts with the given degrees that divide the model, as arrays.

    Raises:
        ConfigError: There is none.
    """
    for name in DEGREES:
        require(fixed.get(name, 1) > 0, name, "positive", fixed.get(name))
    every = _candidates(arch, deployment, fixed)
    if np.size(every.tp) == 0:
        num_gpus = deployment.cluster.num_gpus
        given = {name: fixed[name] for name in ("tp", "pp", "dp") if name in fixed}
        words = " × ".join(given), " × ".join(str(degree) for degree in given.values())
        require(np.prod(list(given.values())) == num_gpus, words[0], f"a divisor of the {num_gpus} GPUs", words[1])
    kept = np.broadcast_to(divides(arch, every), np.shape(every.tp))
    if not kept.any():
        check_layout(arch, deployment.cluster.num_gpus, every.each(lambda degrees: degrees[0].item()))
    return every.each(lambda degrees: degrees[kept])


def _candidates(arch: ArchSpec, deployment: Deployment, fixed: Mapping[str, float]) -> Layout:
    routed = any(isinstance(group.ffn, MoE) for group in arch.layers)
    cluster = deployment.cluster
    return candidate_layouts(cluster.num_gpus, cluster.accelerator.gpus_per_node, fixed, routed=routed)


def _require_some_fit(arch: ArchSpec, deployment: Deployment, layouts: Layout, concurrency: float | None) -> None:
    """Explain the memory of the layout that comes nearest."""
    requests = np.asarray(layouts.dp) if concurrency is None else np.full(np.shape(layouts.dp), concurrency)
    estimate = evaluate(arch, deployment, layout=layouts, concurrency=requests)
    nearest = int(np.argmax(estimate.max_batch / requests))
    best = map_numbers(estimate, lambda values: np.broadcast_to(values, requests.shape)[nearest].item())
    require_fits(arch, deployment, best)


def _column(layouts: Layout) -> Layout:
    """Layouts along the last axis but one; batches stand on the last."""
    return layouts.each(lambda degrees: degrees.reshape(-1, 1))


def explain_infeasible(reached: Sequence[Feasibility], limits: Limits) -> str:
    """One line on the limit that binds all of these designs, and what would lift it."""
    if not any(np.any(design.fits) for design in reached):
        return "memory: the weights and one request do not fit; take more GPUs or a lower precision"
    tpot_s = float(min(np.min(design.least_tpot_s) for design in reached))
    ttft_s = float(min(np.min(design.least_ttft_s) for design in reached))
    if tpot_s > limits.tpot_s:
        return (
            f"tpot: the limit of {format_seconds(limits.tpot_s)} binds; the fastest design reaches "
            f"{format_seconds(tpot_s)} (--tpot {tpot_s * 1.01:.3g} would lift it)"
        )
    if ttft_s > limits.ttft_s:
        return (
            f"ttft: the limit of {format_seconds(limits.ttft_s)} binds; the fastest design reaches "
            f"{format_seconds(ttft_s)} (--ttft {ttft_s * 1.01:.3g} would lift it)"
        )
    return "tpot and ttft: each limit can be met alone, but not both in one layout; raise either"


def _cheapest(
    grid: ArchSpec, deployment: Deployment, layouts: Layout, batch: Values, ready: Prepared
) -> ServingEstimate:
    """The cheapest feasible point of the last two axes (layouts, batches)."""
    estimate = evaluate(grid, deployment, layout=layouts, concurrency=batch * layouts.dp, ready=ready)
    limits = deployment.limits
    feasible = (
        divides(grid, layouts)
        & np.asarray(estimate.concurrency <= estimate.max_batch)
        & np.asarray(estimate.tpot_s <= limits.tpot_s)
        & np.asarray(estimate.ttft_s <= limits.ttft_s)
    )
    rate = np.where(feasible, estimate.tokens_per_s, 0.0)
    usd = np.where(feasible, estimate.usd_per_mtok, np.inf)
    flat = rate.reshape(*rate.shape[:-2], -1)
    best = flat.argmax(axis=-1)[..., None]

    def at_best(values: Values) -> Values:
        wide = np.broadcast_to(values, rate.shape).reshape(flat.shape)
        chosen = np.take_along_axis(wide, best, axis=-1)[..., 0]
        return chosen.item() if chosen.ndim == 0 else chosen

    return map_numbers(replace(estimate, tokens_per_s=rate, usd_per_mtok=usd), at_best)
