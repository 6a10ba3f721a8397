"""How serving changes with batch, context and layout: the points that figures and tables show."""

from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.grid import broadcast, take
from optimoe.cost.layers.layout import Layout, as_column
from optimoe.cost.serving.estimate import Deployment, ServingEstimate, evaluate
from optimoe.cost.serving.workload import beyond_context
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.feasibility import why_nothing_serves
from optimoe.cost.sizing.layouts import best_serving, cheapest_serving

BATCHES = np.unique(np.round(2 ** np.arange(0, 12.01, 0.5)))
"""Running requests of an attention rank: 1 to 4,096, two per doubling."""

CONTEXTS = tuple(int(tokens) for tokens in 2 ** np.arange(9, 21))
"""Prompts of 512 to about a million tokens."""


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """Points that no other beats in both tokens per second of a user and of a GPU, the fastest user first."""

    points: tuple[ServingEstimate, ...]
    tried: int


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Everything that the page of a deployment shows.

    Attributes:
        name: Name of the model.
        deployment: GPUs, requests, limits, price and engine.
        frontier: Speed of a user against throughput.
        by_context: Prompt's length and its cheapest deployment.
        by_batch: The cheapest layout at every batch that fits.
        speculated: Who guessed the model's shape, where its makers published none; empty otherwise.
    """

    name: str
    deployment: Deployment
    frontier: Frontier
    by_context: tuple[tuple[int, ServingEstimate], ...]
    by_batch: tuple[ServingEstimate, ...]
    speculated: str = ""


def curves(arch: ArchSpec, deployment: Deployment) -> Curves:
    """Speed against throughput, price against context and price against batch, of one deployment.

    Raises:
        ConfigError: Answers have one token, and no speed.
        InfeasibleError: Nothing keeps the limits; says which binds.
    """
    require(
        deployment.workload.decodes,
        "output_tokens",
        "two or more for curves of speed",
        deployment.workload.output_tokens,
    )
    best = best_serving(arch, deployment)
    return Curves(
        name=arch.name,
        deployment=deployment,
        frontier=speed_frontier(arch, deployment),
        by_context=tuple(against_context(arch, deployment)),
        by_batch=tuple(against_batch(arch, deployment, best.layout)),
        speculated=arch.speculated,
    )


def speed_frontier(arch: ArchSpec, deployment: Deployment) -> Frontier:
    """Every layout at every batch of :data:`BATCHES` that fits and keeps the limits.

    Raises:
        InfeasibleError: Nothing does; says which limit binds.
    """
    layouts = every_layout(arch, deployment)
    column = as_column(layouts)
    grid = evaluate(arch, deployment, layout=column, concurrency=BATCHES * column.dp)
    limits = deployment.limits
    fits = np.asarray(grid.concurrency <= grid.max_batch) & np.asarray(grid.tpot_s <= limits.tpot_s)
    fits &= np.asarray(grid.ttft_s <= limits.ttft_s)
    if not fits.any():
        raise InfeasibleError(why_nothing_serves(arch, deployment, layouts))
    rate = np.where(fits, grid.tokens_per_s_per_gpu, 0.0)
    points: list[ServingEstimate] = []
    best = 0.0
    # The fastest user first: a point joins the frontier where no faster one has its throughput.
    for at in np.argsort(np.where(fits, grid.tpot_s, np.inf), axis=None):
        where = np.unravel_index(at, rate.shape)
        if rate[where] > best:
            best = float(rate[where])
            points.append(_point(arch, deployment, layouts, where))
    return Frontier(points=tuple(points), tried=int(fits.sum()))


def against_batch(arch: ArchSpec, deployment: Deployment, layout: Layout) -> list[ServingEstimate]:
    """One layout at every batch of :data:`BATCHES` that fits, limits ignored."""
    estimates = []
    for batch in BATCHES * layout.dp:
        estimate = evaluate(arch, deployment, layout=layout, concurrency=float(batch))
        if estimate.max_batch < estimate.concurrency:
            break
        estimates.append(estimate)
    return estimates


def against_context(arch: ArchSpec, deployment: Deployment) -> list[tuple[int, ServingEstimate]]:
    """The cheapest deployment for each prompt of :data:`CONTEXTS`, as far as one keeps the limits.

    No longer ones than the model was made for, its answer included, where it says so.

    Raises:
        InfeasibleError: Not even the shortest prompt does.
    """
    priced = []
    for tokens in CONTEXTS:
        workload = replace(deployment.workload, input_tokens=tokens)
        if beyond_context(arch, workload):
            break
        estimate = cheapest_serving(arch, replace(deployment, workload=workload), every_layout(arch, deployment))
        if estimate.tokens_per_s > 0:
            priced.append((tokens, estimate))
    if not priced:
        raise InfeasibleError(f"context: not even a prompt of {CONTEXTS[0]} tokens keeps the limits")
    return priced


def _point(arch: ArchSpec, deployment: Deployment, layouts: Layout, where: tuple[np.intp, ...]) -> ServingEstimate:
    row, batch = int(where[0]), float(BATCHES[int(where[1])])
    layout = take(broadcast(layouts), row)
    return evaluate(arch, deployment, layout=layout, concurrency=batch * layout.dp)
