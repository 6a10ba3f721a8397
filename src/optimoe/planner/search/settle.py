"""The finalists of a search, priced as ``optimoe cost`` and ``optimoe cost train`` price one model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Bool

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec, merged
from optimoe.core.grid import take
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.planner.designs import Pool, cheapest_of, curve_of
from optimoe.planner.pricing import PricedGrids, Trained, at_price
from optimoe.planner.problem.family import Family, family_of
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.search.board import Board
from optimoe.planner.search.estimate import UNSEEN, rooflines
from optimoe.planner.search.listing import Index, Listing
from optimoe.planner.search.looked import Looked, Rates, unpriced

MOST_WAYS = 2
"""Deployments of a design that are settled beside the cheapest that was priced."""

MOST_POOLS = 64
"""Settled designs that a board near an earlier plan keeps: those of a choice, its rows and its front."""


def settle(board: Board, designs: Index) -> dict[int, Pool]:
    """Price designs in every layout of training, and of each deployment that may be their cheapest.

    Args:
        board: What is known of them.
        designs: Their places on it.

    Returns:
        For each a pool of one, whose deployments are those that were settled.
    """
    if not len(designs):
        return {}
    order = np.unique(designs)
    wanted = _likely_ways(board, order)
    return _pools(board, order, wanted, "settled")


def _likely_ways(board: Board, designs: Index) -> Bool[np.ndarray, "deployments designs"]:
    """Which deployments may be the cheapest of designs, by what was priced and estimated; a few of each."""
    part, places = board.priced(designs)
    own = np.searchsorted(places, designs)
    known = dollars_of_ways(part.looked())[:, own]
    best = known.min(axis=0)
    likely = np.isfinite(known) & (known == best)
    if board.known.whole:
        return likely
    bright = dollars_of_ways(part.looked(part.estimates(), optimism=1.0))[:, own]
    few = bright.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") < MOST_WAYS
    return likely | (few & np.isfinite(bright) & (bright <= best))


def priced(board: Board, designs: Index) -> dict[int, Pool]:
    """Pools of one of designs that were priced, each on its cheapest deployment, as the search priced them."""
    order = np.unique(designs)
    wanted = board.looked().cheapest[order] == np.arange(len(board.problem.deployments))[:, None]
    return _pools(board, order, wanted, "priced")


def _pools(
    board: Board, order: Index, wanted: Bool[np.ndarray, "deployments designs"], how: Literal["settled", "priced"]
) -> dict[int, Pool]:
    """Pools of one of designs in their order, trained in every layout or as the search trained them.

    Near an earlier plan one question after the other settles the same designs, of which prices alone may differ.
    """
    keys = {int(place): (int(place), how.encode() + wanted[:, row].tobytes()) for row, place in enumerate(order)}
    ways = {int(place): np.flatnonzero(wanted[:, row]).tolist() for row, place in enumerate(order)}
    pools = {
        place: _at_prices(board.pools[key], board.problem, ways[place])
        for place, key in keys.items()
        if key in board.pools
    }
    new = wanted.any(axis=0) & ~np.isin(order, [*pools])
    for grid, own in board.listing.pieces(order[new]):
        bare = _bare_of(board, grid, own)
        trained = board.memory.trained(board.problem, grid, board.known.usual) if how == "priced" else None
        rows = _settled(bare, board.problem, grid, wanted[:, np.searchsorted(order, own)], board.memory, trained)
        pools |= {int(place): pool for place, pool in zip(own, rows, strict=True)}
    if board.near:
        for place, pool in pools.items():
            board.pools[keys[place]] = pool
            board.pools.move_to_end(keys[place])
        while len(board.pools) > MOST_POOLS:
            board.pools.popitem(last=False)
    return pools


def _at_prices(pool: Pool, problem: Problem, ways: Sequence[int]) -> Pool:
    """A pool, on some deployments, under a question that differs in goal, budget, demand and prices alone."""
    here = replace(problem, deployments=tuple(problem.deployments[way] for way in ways))
    servings = tuple(at_price(*pair) for pair in zip(pool.servings, here.deployments, strict=True))
    return replace(pool, problem=here, servings=servings, cheapest=cheapest_of(here, servings))


def settled_model(problem: Problem, spec: ArchSpec, memory: PricedGrids) -> Pool:
    """A pool of one model that is given, priced alike, on every deployment that may be its cheapest.

    Those whose roofline is within twice the error of one (:data:`UNSEEN`) of the cheapest that was found: what a
    search learned of its own designs says little of others.
    """
    family, grid = family_of(spec), row_of(merged(spec))
    listing = Listing(
        families=(family,),
        of_family=np.array([0]),
        shapes=Shapes(d_model=np.array([spec.d_model]), num_layers=np.array([spec.num_layers])),
        builds=(family.build,),
        grids=(grid,),
        kind=np.array([0]),
        row=np.array([0]),
    )
    roof = rooflines(listing, problem.deployments)
    guess = np.where(roof.room > -UNSEEN, np.exp(roof.log_rate + UNSEEN), 0.0)
    bright = replace(unpriced(problem, listing), tokens_per_s=guess)
    order = np.argsort(dollars_of_ways(bright)[:, 0], kind="stable")
    best, wanted = np.inf, np.zeros((len(order), 1), dtype=bool)
    for way in order.tolist():
        promised: float = dollars_of_ways(bright)[way, 0]
        if not np.isfinite(promised) or promised > best:
            break
        served = memory.served(problem.deployments[way], grid)
        wanted[way] = True
        found = np.zeros_like(guess)
        found[way] = served.tokens_per_s
        best = min(best, float(dollars_of_ways(replace(bright, tokens_per_s=found))[way, 0]))
    if not wanted.any():
        wanted[order[0]] = True
    (bare,) = _bare(problem, grid, [family], [spec])
    return _settled([(spec, bare)], problem, grid, wanted, memory)[0]


def row_of(spec: ArchSpec) -> ArchSpec:
    """A model as a grid of one: its width and its depths are arrays."""
    layers = tuple(replace(group, num_layers=np.array([group.num_layers])) for group in spec.layers)  # type: ignore[arg-type]
    return replace(spec, d_model=np.array([spec.d_model]), layers=layers)  # type: ignore[arg-type]


def dollars_of_ways(looked: Looked) -> Rates:
    """Dollars of each deployment with each design; without traffic those of a token."""
    if looked.problem.lifetime_tokens:
        return looked.fleet_usd
    unit = replace(looked, problem=replace(looked.problem, traffic=Traffic(lifetime_tokens=1.0)))
    return unit.fleet_usd


def _bare_of(board: Board, grid: ArchSpec, own: Index) -> list[tuple[ArchSpec, Pool]]:
    """The models and bare pools of some designs of a board, made where nobody asked for them before."""
    new = np.array([row for row, place in enumerate(own.tolist()) if place not in board.bare], dtype=int)
    if len(new):
        part = take(grid, new)
        families = [board.listing.families[place] for place in board.listing.of_family[own[new]]]
        specs = [board.problem.space.stacked(family, part.at(row)) for row, family in enumerate(families)]
        pools = _bare(board.problem, part, families, specs)
        board.bare.update(zip(own[new].tolist(), zip(specs, pools, strict=True), strict=True))
    return [board.bare[place] for place in own.tolist()]


def _bare(problem: Problem, grid: ArchSpec, families: Sequence[Family], specs: Sequence[ArchSpec]) -> list[Pool]:
    """Pools of one, of the designs of a grid and their models, without deployments and training."""
    size, standing = len(families), problem.law.judge(grid)
    curve, params = curve_of(problem.law, grid, (size,)), count_params(grid)
    counts = [np.broadcast_to(np.asarray(of, dtype=float), size) for of in (params.active, params.router)]
    flags = {name: np.broadcast_to(getattr(standing, name), size) for name in ("applicable", "assumed")}
    pools = []
    for row, (family, spec) in enumerate(zip(families, specs, strict=True)):
        own = slice(row, row + 1)
        pools.append(
            Pool(
                problem=problem,
                family=family,
                shapes=Shapes(d_model=np.array([spec.d_model]), num_layers=np.array([spec.num_layers])),
                grid=take(grid, own),
                params_active=counts[0][own],
                params_router=counts[1][own],
                curve=take(curve, own),
                standing=replace(standing, applicable=flags["applicable"][own], assumed=flags["assumed"][own]),
                training=Trained(mfu=np.full(1, np.nan)),
                servings=(),
                cheapest=np.zeros(1, dtype=int),
            )
        )
    return pools


def _settled(
    bare: Sequence[tuple[ArchSpec, Pool]],
    problem: Problem,
    grid: ArchSpec,
    wanted: np.ndarray,
    memory: PricedGrids,
    trained: Trained | None = None,
) -> list[Pool]:
    """Bare pools of the designs of a grid, trained in every layout or as the search trained them, and served.

    ``wanted`` says on which deployments each, (deployments, designs).
    """
    asked = [problem.deployments[way] for way in np.flatnonzero(wanted.any(axis=1)).tolist()]
    memory.serve_ahead(asked, take(grid, np.flatnonzero(wanted.any(axis=0))))
    found: list[list[tuple[int, ServingEstimate]]] = [[] for _ in bare]
    for way, deployment in enumerate(problem.deployments):
        rows = np.flatnonzero(wanted[way])
        if len(rows):
            served = memory.served(deployment, take(grid, rows))
            for place, row in enumerate(rows.tolist()):
                found[row].append((way, take(served, slice(place, place + 1))))
    pools = []
    for row, (spec, pool) in enumerate(bare):
        here = replace(problem, deployments=tuple(problem.deployments[way] for way, _ in found[row]))
        servings = tuple(served for _, served in found[row])
        own = trained.at(slice(row, row + 1)) if trained else memory.settled_training(problem, spec)
        pools.append(
            replace(pool, problem=here, training=own, servings=servings, cheapest=cheapest_of(here, servings))
        )
    return pools
