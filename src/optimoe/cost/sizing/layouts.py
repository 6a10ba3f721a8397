"""Search of the layout and the concurrency that serve cheapest within latency limits and memory."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from optimoe.arch.spec import ArchSpec, merged
from optimoe.core.arrays import Values
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.grid import concatenated, map_arrays, map_numbers, take
from optimoe.cost.hardware.price import usd_per_mtok
from optimoe.cost.layers.layout import Layout, as_column, divides
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence, evidence
from optimoe.cost.serving.estimate import Deployment, Prepared, ServingEstimate, evaluate_at, prepare
from optimoe.cost.serving.systems.ranks import ALONE
from optimoe.cost.sizing.candidates import NOTHING_FIXED, every_layout, likely_layouts
from optimoe.cost.sizing.feasibility import why_nothing_serves

MOST_REQUESTS = 2.0**14
"""Running requests of an attention rank beyond which no engine goes."""

# 1.01^974 is the last power below 2^14: 1 % is far within the model's own error, and keeps the list short.
BATCHES = np.append(np.unique(np.floor(1.01 ** np.arange(975))), MOST_REQUESTS)
"""Requests of an attention rank that are looked at: every number to 100, then steps of 1 % to 2^14."""

MOST_STEPS = 40
"""Rounds of the search among them; a handful is usual. Each moves an end inwards, so that stopping early only
gives a smaller batch."""


def cheapest_serving(
    arch: ArchSpec, deployment: Deployment, layouts: Layout | None = None, *, concurrency: float | None = None
) -> ServingEstimate:
    """The layout and the concurrency with the least dollars per token within all limits.

    Every layout of :func:`likely_layouts`, or those given as arrays, each at the largest batch that fits the
    memory and keeps the limits, to 1 %: latency and tokens per second both grow with the batch; or at the
    requests in flight that are given, over all ranks together. For a grid of
    designs the fields are arrays over it. Where nothing is feasible ``tokens_per_s`` is 0, ``usd_per_mtok``
    infinite, and the other fields mean nothing. On equal GPUs the least dollars per token are the most tokens
    per second.

    Raises:
        UnknownNameError: No such precision.
    """
    tried = as_column(likely_layouts(arch, deployment) if layouts is None else layouts)
    ready = prepare(arch.over(2), deployment, tried)
    batch = _largest_kept(deployment, ready) if concurrency is None else concurrency / np.asarray(tried.dp)
    estimate = evaluate_at(ready, deployment, batch * tried.dp)
    return _cheapest(estimate, _feasible(deployment, estimate, ready))


def cheapest_of_sizes(
    arch: ArchSpec, deployments: Sequence[Deployment], layouts_of: Callable[[ArchSpec, Deployment], Layout]
) -> list[ServingEstimate]:
    """:func:`cheapest_serving` on each of several deployments that differ in their number of GPUs alone.

    All of their layouts are tried side by side, which takes much less time than one call for each. Nothing but
    the price and the tokens of a GPU goes by their number: all else is told by the layout.

    Args:
        arch: The model, or a grid of designs.
        deployments: They have the same price too.
        layouts_of: The layouts that are tried on one of them.
    """
    columns = [as_column(layouts_of(arch, one)) for one in deployments]
    ready = prepare(arch.over(2), deployments[0], concatenated(columns))
    ends = np.cumsum([len(np.asarray(column.tp)) for column in columns])
    size_of = np.searchsorted(ends, np.arange(ends[-1]), side="right")
    batch = _largest_kept(deployments[0], ready, size_of)
    estimate = evaluate_at(ready, deployments[0], batch * ready.machine.layout.dp)
    feasible = _feasible(deployments[0], estimate, ready)
    whole, found = map_numbers(estimate, lambda values: np.broadcast_to(values, feasible.shape)), []
    for one, own in zip(deployments, [size_of == size for size in range(len(columns))], strict=True):
        part = take(whole, (..., own, slice(None)))
        rate, num_gpus = np.asarray(part.tokens_per_s), one.cluster.num_gpus
        usd = usd_per_mtok(num_gpus, one.price, np.where(rate > 0, rate, 1.0))
        usd = np.where(rate > 0, usd, np.inf)
        part = replace(part, tokens_per_s_per_gpu=rate / num_gpus, usd_per_mtok=usd)
        found.append(_cheapest(part, feasible[..., own, :]))
    return found


def _largest_kept(deployment: Deployment, ready: Prepared, size_of: np.ndarray | None = None) -> Values:
    """Whole requests of a rank, the most that fit and keep the limits; 1 where not even one does.

    Args:
        deployment: Where and what to serve.
        ready: The grid, and layouts that compete with each other.
        size_of: Which of the layouts compete, by a number of each; left out, all do.
    """
    limits, layout = deployment.limits, ready.machine.layout
    # Of requests that come at random one place must be free for the next.
    room = np.floor(ready.fits) - 1 if limits.on_percentiles else np.asarray(ready.fits)
    most = np.clip(room, 1.0, MOST_REQUESTS)
    if math.isinf(limits.tpot_s) and math.isinf(limits.ttft_s):
        return most
    usable = np.asarray(divides(ready.arch, layout)) & (np.asarray(ready.fits) >= 1)
    shape = np.broadcast_shapes(usable.shape, most.shape)

    def excess(batch: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def row(values: Values) -> np.ndarray:
            return np.broadcast_to(values, shape).reshape(-1)[cells]

        part = Prepared(
            arch=map_arrays(ready.arch, row),
            machine=replace(ready.machine, layout=map_numbers(layout, row)),
            fits=row(ready.fits),
            places=row(ready.places),
            ranks=ready.ranks if ready.ranks is ALONE else map_numbers(ready.ranks, row),
        )
        estimate = evaluate_at(part, deployment, batch * part.machine.layout.dp)
        over = np.maximum(_of_limit(estimate.tpot_s, limits.tpot_s), _of_limit(estimate.ttft_s, limits.ttft_s))
        # Where few places are free a wait grows without end: its logarithm is nearer to a line.
        return np.log(over) if limits.on_percentiles else over - 1, np.asarray(estimate.tokens_per_s)

    batches = np.ones(shape).reshape(-1)
    cells = np.flatnonzero(np.broadcast_to(usable, shape))
    if len(cells):
        rivals = cells // math.prod(shape[-2:])
        if size_of is not None:
            rivals = rivals * len(size_of) + size_of[cells // shape[-1] % shape[-2]]
        batches[cells] = _largest_within(excess, cells, np.broadcast_to(most, shape).reshape(-1)[cells], rivals)
    return batches.reshape(shape)


def _of_limit(seconds: Values, limit: float) -> Values:
    """A latency over its limit; one without end keeps none, where nothing is limited either."""
    return np.where(np.isposinf(seconds), np.inf, np.where(np.isposinf(seconds), 0.0, seconds) / limit)


Excess = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""By how much batches of cells exceed the limits, and the tokens per second that they give."""


def _largest_within(excess: Excess, cells: np.ndarray, most: np.ndarray, designs: np.ndarray) -> np.ndarray:
    """Of each cell the largest of :data:`BATCHES` up to ``most``, or that, with an excess of at most 0; else 1.

    False position, for latency grows and is nearly linear in the batch; an end that stays counts half (the
    Illinois rule). Cells that are settled are not looked at again; nor is a layout that at a batch beyond the
    limits gives fewer tokens than another layout of the same design within them: tokens grow with the batch.
    """
    high, low = most.copy(), np.ones_like(most)
    ends = (part.reshape(2, -1) for part in excess(np.concatenate([low, high]), np.tile(cells, 2)))
    (under, over), (least, highest) = ends
    low = np.where((over <= 0) & (under <= 0), high, low)
    reached = np.where(under <= 0, np.where(over <= 0, highest, least), 0.0)
    best = np.zeros(designs.max() + 1)
    np.maximum.at(best, designs, reached)
    # Where not even one request keeps the limits low stays 1, and the caller's own check of the limits refuses it.
    left = np.flatnonzero((over > 0) & (under <= 0))
    for _ in range(MOST_STEPS):
        open_ = (_next(low[left]) < high[left]) & (highest[left] >= best[designs[left]])
        left = left[open_]  # the others are settled: no batch is listed between the ends, or the layout is worse
        if not len(left):
            break
        a, b, f, g = low[left], high[left], under[left], over[left]
        around = OFFSETS[: 1 if len(left) * len(OFFSETS) > AT_ONCE else len(OFFSETS)][:, None]
        # Down to a listed batch, then at least one step away from either end: every round moves an end.
        guess = np.searchsorted(BATCHES, a + (b - a) * f / (f - g), side="right") - 1
        first, last = np.searchsorted(BATCHES, a, side="right"), np.searchsorted(BATCHES, b) - 1
        tried = BATCHES[np.clip(guess + around, first, last)]
        between, rate = (
            values.reshape(tried.shape) for values in excess(tried.ravel(), np.tile(cells[left], len(around)))
        )
        good = between <= 0
        np.maximum.at(best, np.broadcast_to(designs[left], tried.shape)[good], rate[good])
        # Tokens and latency grow with the batch: the largest good and the smallest bad one are the new ends.
        here = np.arange(len(left))
        top, bottom = np.where(good, tried, -1.0).argmax(axis=0), np.where(good, np.inf, tried).argmin(axis=0)
        some_good, some_bad = good.any(axis=0), (~good).any(axis=0)
        low[left] = np.where(some_good, tried[top, here], a)
        high[left] = np.where(some_bad, tried[bottom, here], b)
        highest[left] = np.where(some_bad, rate[bottom, here], highest[left])
        # The end that stays is halved: on a bent curve plain false position creeps up from one side alone.
        under[left] = np.where(some_good, between[top, here], f / 2)
        over[left] = np.where(some_bad, between[bottom, here], g / 2)
    return low


OFFSETS = np.array([0, 1, -1, 3, -3, 12, -12])
"""Steps from the batch that false position points to, which are tried with it: latency is nearly linear, so that
the largest batch within a limit is mostly among them."""

AT_ONCE = 4096
"""Batches of cells that one call evaluates beyond the first of each: as many as cost about as much as the call."""


def _next(batch: np.ndarray) -> np.ndarray:
    """The batch that is looked at after this one; the last one after itself."""
    return BATCHES[np.minimum(np.searchsorted(BATCHES, batch, side="right"), len(BATCHES) - 1)]


def best_serving(
    arch: ArchSpec,
    deployment: Deployment,
    *,
    fixed: Mapping[str, float] = NOTHING_FIXED,
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
        UnknownNameError: No such precision.
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    arch = merged(arch)  # as many groups as kinds of layers: a plan prices its designs so, to the last digit
    layouts = every_layout(arch, deployment, fixed)
    require(concurrency is None or concurrency >= 1, "concurrency", "at least 1", concurrency)
    best = cheapest_serving(arch, deployment, layouts, concurrency=concurrency)
    if best.tokens_per_s > 0:
        return best
    raise InfeasibleError(why_nothing_serves(arch, deployment, layouts, concurrency))


def alone(arch: ArchSpec, deployment: Deployment) -> ServingEstimate | None:
    """A single request on all of the GPUs, in its best layout; none where nothing serves it."""
    try:
        return best_serving(arch, deployment, concurrency=1.0)
    except InfeasibleError:
        return None


def alone_evidence(arch: ArchSpec, deployment: Deployment) -> AnswerEvidence | None:
    """What stands behind a single request on all of the GPUs, in its best layout; none where nothing serves it."""
    served = alone(arch, deployment)
    return evidence(arch, deployment, served) if served else None


def _feasible(deployment: Deployment, estimate: ServingEstimate, ready: Prepared) -> Bool[np.ndarray, "*grid"]:
    """Where a layout divides the design, the memory holds the requests, and the limits are kept."""
    limits = deployment.limits
    return np.asarray(
        divides(ready.arch, ready.machine.layout)
        & np.asarray(estimate.concurrency <= estimate.max_batch)
        & np.asarray(estimate.tpot_s <= limits.tpot_s)
        & np.asarray(estimate.ttft_s <= limits.ttft_s)
        & np.asarray(estimate.tokens_per_s > 0)
    )


def _cheapest(estimate: ServingEstimate, feasible: Bool[np.ndarray, "*grid"]) -> ServingEstimate:
    """The cheapest feasible point of the last two axes (layouts, batches)."""
    rate = np.where(feasible, estimate.tokens_per_s, 0.0)
    usd = np.where(feasible, estimate.usd_per_mtok, np.inf)
    flat = rate.reshape(*rate.shape[:-2], -1)
    best = flat.argmax(axis=-1)[..., None]

    def at_best(values: Values) -> Values:
        wide = np.broadcast_to(values, rate.shape).reshape(flat.shape)
        chosen = np.take_along_axis(wide, best, axis=-1)[..., 0]
        return chosen.item() if chosen.ndim == 0 else chosen

    return map_numbers(replace(estimate, tokens_per_s=rate, usd_per_mtok=usd), at_best)
