"""Search of the layout and the concurrency that serve cheapest within latency limits and memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.units import format_seconds
from optimoe.cost.accelerator import Cluster
from optimoe.cost.price import GpuPrice
from optimoe.cost.roofline import Machine
from optimoe.cost.serving import Layout, ServingEstimate, check_layout, evaluate, require_fits
from optimoe.cost.workload import Limits, Workload

COARSE_BATCHES = np.unique(np.round(2 ** np.arange(0, 12.01, 0.5)))
"""Running requests of a replica that the first pass tries: 1 to 4,096, two per doubling."""

FINE_STEPS = np.linspace(1.0, 2**0.5, 16)
"""Multiples of the first pass's best batch that the second pass tries: up to the next coarse batch."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Everything about serving but the model: where, what, at which price and in which precision.

    Attributes:
        cluster: The GPUs.
        workload: The requests.
        limits: On latency.
        price: Of a GPU hour.
        precision: Of the weights.
        kv_precision: Of the cache.
    """

    cluster: Cluster
    workload: Workload
    limits: Limits
    price: GpuPrice
    precision: str = "bf16"
    kv_precision: str = "bf16"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the best layout of each single kind reaches, for saying which limit binds. Numbers or arrays.

    Attributes:
        fits: Whether the weights and one request fit the memory in some layout.
        least_tpot_s: Smallest TPOT among layouts that fit; infinite when none does.
        least_ttft_s: Smallest TTFT among them.
    """

    fits: Flags
    least_tpot_s: Values
    least_ttft_s: Values


def cheapest_serving(arch: ArchSpec, deployment: Deployment) -> ServingEstimate:
    """The layout (tp, dp) and the concurrency with the least dollars per token within all limits.

    Every power of two that divides the GPUs and the heads, times the batches of :data:`COARSE_BATCHES` and
    the largest that fits; then 16 finer batches at each layout's best of these. For a grid of designs the
    fields are arrays over it. Where nothing is feasible ``tokens_per_s`` is 0, ``usd_per_mtok`` infinite, and the
    other fields mean nothing. On equal GPUs the least dollars per token are the most tokens per second.

    Raises:
        InputError: The accelerator lacks the precision.
    """
    return _search_batches(arch, deployment, _degrees(deployment.cluster))


def best_serving(
    arch: ArchSpec, deployment: Deployment, *, tp: int | None = None, concurrency: float | None = None
) -> ServingEstimate:
    """One model: :func:`cheapest_serving`, with the layout or the concurrency fixed where they are given.

    Raises:
        ConfigError: tp does not divide the GPUs.
        InputError: tp does not divide the heads, or the accelerator lacks the precision.
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    cluster = deployment.cluster
    if tp is not None:
        check_layout(arch, cluster, Layout(tp=tp, dp=cluster.num_gpus // tp if tp > 0 else tp))
    degrees = _degrees(cluster) if tp is None else np.array([tp])
    if concurrency is None:
        best = _search_batches(arch, deployment, degrees)
    else:
        require(concurrency >= 1, "concurrency", "at least 1", concurrency)
        best = _plain(_cheapest(arch, deployment, degrees[:, None], _batch(concurrency, cluster, degrees)))
    if best.tokens_per_s > 0:
        return best
    reached = reach(arch, deployment, degrees, 1.0 if concurrency is None else concurrency)
    if not np.any(reached.fits):
        top = int(degrees.max())
        largest = _evaluate(arch, deployment, top, (concurrency or 1.0) * top / cluster.num_gpus)
        require_fits(arch, cluster, largest, deployment.precision)
    raise InfeasibleError(explain_infeasible([reached], deployment.limits))


def reach(
    arch: ArchSpec, deployment: Deployment, degrees: np.ndarray | None = None, concurrency: float = 1.0
) -> Reach:
    """What a number of requests reaches over all layouts, memory respected and latency limits ignored."""
    tp = (_degrees(deployment.cluster) if degrees is None else degrees)[:, None]
    grid = arch.over(2)
    estimate = _evaluate(grid, deployment, tp, _batch(concurrency, deployment.cluster, tp))
    fits = _divides(grid, tp) & np.asarray(estimate.max_batch >= estimate.concurrency)
    fits, tpot_s, ttft_s = np.broadcast_arrays(fits, estimate.tpot_s, estimate.ttft_s)
    return Reach(
        fits=fits.any(axis=(-2, -1)),
        least_tpot_s=np.where(fits, tpot_s, np.inf).min(axis=(-2, -1)),
        least_ttft_s=np.where(fits, ttft_s, np.inf).min(axis=(-2, -1)),
    )


def explain_infeasible(reached: Sequence[Reach], limits: Limits) -> str:
    """One line on the limit that binds all of these designs, and what would lift it."""
    if not any(np.any(one.fits) for one in reached):
        return "memory: the weights and one request do not fit; take more GPUs or a lower precision"
    tpot_s = float(min(np.min(one.least_tpot_s) for one in reached))
    ttft_s = float(min(np.min(one.least_ttft_s) for one in reached))
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


def _search_batches(arch: ArchSpec, deployment: Deployment, degrees: np.ndarray) -> ServingEstimate:
    """Both passes over the batches of a replica."""
    grid, tp = arch.over(2), degrees[:, None]
    most = np.asarray(_evaluate(grid, deployment, tp, 1.0).max_batch) * tp / deployment.cluster.num_gpus
    shape = np.broadcast_shapes(np.shape(most), (len(degrees), len(COARSE_BATCHES)))
    batches = np.concatenate(
        [np.broadcast_to(COARSE_BATCHES, shape), np.broadcast_to(most, (*shape[:-1], 1))], axis=-1
    )
    coarse = _cheapest(grid, deployment, tp, np.maximum(batches, 1.0), axes=1)
    start = np.asarray(coarse.concurrency / coarse.layout.dp)[..., None]
    return _plain(_cheapest(grid, deployment, tp, np.floor(start * FINE_STEPS)))


def _batch(concurrency: float, cluster: Cluster, tp: Values) -> Values:
    """Requests of one replica; a layout axis ``tp`` stands before the batch axis."""
    return concurrency * np.reshape(tp, (-1, 1)) / cluster.num_gpus


def _cheapest(grid: ArchSpec, deployment: Deployment, tp: Values, batch: Values, axes: int = 2) -> ServingEstimate:
    """The cheapest feasible point of the last two axes (layouts, batches), or of the last one alone."""
    estimate = _evaluate(grid, deployment, tp, batch)
    limits = deployment.limits
    feasible = (
        _divides(grid, tp)
        & np.asarray(estimate.concurrency <= estimate.max_batch)
        & np.asarray(estimate.tpot_s <= limits.tpot_s)
        & np.asarray(estimate.ttft_s <= limits.ttft_s)
    )
    rate = np.where(feasible, estimate.tokens_per_s, 0.0)
    usd = np.where(feasible, estimate.usd_per_mtok, np.inf)
    flat = rate.reshape(*rate.shape[:-axes], -1)
    best = flat.argmax(axis=-1)[..., None]

    def pick(values: Any) -> Any:
        wide = np.broadcast_to(values, rate.shape).reshape(flat.shape)
        return np.take_along_axis(wide, best, axis=-1)[..., 0]

    return _map(replace(estimate, tokens_per_s=rate, usd_per_mtok=usd), pick)


def _evaluate(grid: ArchSpec, deployment: Deployment, tp: Values, batch: Values) -> ServingEstimate:
    cluster = deployment.cluster
    machine = Machine(
        gpu=cluster.accelerator,
        tp=tp,
        precision=deployment.precision,
        kv_precision=deployment.kv_precision,
    )
    dp = cluster.num_gpus // np.asarray(tp)
    return evaluate(
        grid,
        cluster,
        machine,
        deployment.workload,
        layout=Layout(tp=tp, dp=dp),
        concurrency=batch * dp,
        price=deployment.price,
    )


def _degrees(cluster: Cluster) -> np.ndarray:
    """Powers of two that divide the GPUs, within a node."""
    top = min(cluster.num_gpus, cluster.accelerator.gpus_per_node)
    degrees = 2 ** np.arange(int(np.log2(top)) + 1)
    return degrees[cluster.num_gpus % degrees == 0]


def _divides(grid: ArchSpec, tp: Values) -> Flags:
    divides = [np.asarray(group.mixer.tp_heads % np.asarray(tp) == 0) for group in grid.layers]
    return np.logical_and.reduce(np.broadcast_arrays(*divides))


def _map(estimate: Any, change: Callable[[Values], Values]) -> Any:
    """The estimate with every number in it changed."""
    changes: dict[str, Any] = {}
    for field in fields(estimate):
        value = getattr(estimate, field.name)
        if is_dataclass(value):
            changes[field.name] = _map(value, change)
        elif isinstance(value, dict):
            changes[field.name] = {key: change(item) for key, item in value.items()}
        else:
            changes[field.name] = change(value)
    return replace(estimate, **changes)


def _plain(estimate: ServingEstimate) -> ServingEstimate:
    """Zero-dimensional arrays as numbers."""
    return _map(estimate, lambda values: values.item() if np.ndim(values) == 0 else values)
