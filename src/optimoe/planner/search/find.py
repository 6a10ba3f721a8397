"""From a problem to its finalists: what is looked for, in which order, and which of the best is settled on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InputError
from optimoe.planner.designs import Pool
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.search.best_first import Query, best_of, glance, seek
from optimoe.planner.search.board import Board, board_of
from optimoe.planner.search.looked import Looked
from optimoe.planner.search.objective import SearchGoal, tokens_and_objective
from optimoe.planner.search.settle import settle

FINALISTS, MOST_FINALISTS = 3, 15
"""Best designs that are settled at a time and in all before the choice is made: more layouts of training gain some
percent, of some designs more than of others."""


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A design that was priced in every layout, under one goal.

    Attributes:
        index: Its place on the board.
        pool: The design alone, on the deployments that may be its cheapest.
        tokens: Its training tokens.
        objective: What is minimised.
    """

    index: int
    pool: Pool
    tokens: float
    objective: float

    @property
    def spec(self) -> ArchSpec:
        """The design, with its layers as its family stacks them."""
        return self.pool.problem.space.stacked(self.pool.family, self.pool.grid.at(0))


def started(problem: Problem, memory: PricedGrids = SHARED, *, anew: bool = False) -> Board:
    """The board of a problem, with the scored models that are designs of the space on it.

    Args:
        problem: The question.
        memory: What was priced before.
        anew: A new board, whatever earlier questions came to know.

    Raises:
        InfeasibleError: No family has a design.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    board = board_of(problem, memory, anew=anew)
    require_rankable(board)
    inside: dict[Family, Shapes] = {}
    for spec in problem.scored:
        inside |= problem.space.place_of(spec)
    if inside:
        board.grow(inside)
    return board


def require_rankable(board: Board) -> None:
    """Refuse a law that may rank none of the designs, or cannot tell their total sizes apart.

    Raises:
        InputError: In one line, with what the law cannot rank.
    """
    law = board.problem.law
    standing = board.judged(law)[1]
    if not standing.any():
        why = "; ".join(dict.fromkeys(law.judge(grid).reason for grid in board.listing.grids))
        raise InputError(f"law {law.row.name}: may rank none of these designs: {why}")
    blind = law.blind_to([grid for grid, _ in board.listing.pieces(np.flatnonzero(standing))])
    if blind:
        raise InputError(
            f"law {law.row.name}: cannot tell {blind} apart, which differ in total size: state one of them "
            "(--experts, --top-k, --active-ffn-ratio, --shared, --first-dense-layers), or a law that sees it"
        )


def finalist(
    board: Board, query: Query, also: Sequence[Finalist] = (), count: int = FINALISTS, *, briefly: bool = False
) -> dict[int, Finalist]:
    """The best design of each group, of those that may be it by what was priced, each settled.

    A few are settled at a time, as long as the next one would be better if it gained as much as any did.

    Args:
        board: The designs.
        query: What is minimised, in which groups.
        also: Designs that were settled before and are judged too.
        count: Designs of each group that are settled at a time.
        briefly: Whether those are taken that estimates say are best, ``count`` of each group, without pricing all
            that may be better.
    """
    briefly = briefly or board.near
    (glance if briefly else seek)(board, query)
    listed = best_of(board, query, count if briefly else MOST_FINALISTS)
    pools, gained = {one.index: one.pool for one in also}, 1.0
    found: dict[int, Finalist] = {}
    for first in range(0, MOST_FINALISTS, count):
        wanted = [
            one
            for group, ones in listed.items()
            for one in ones[first : first + count]
            if group not in found or one.objective < found[group].objective * gained
        ]
        if first and not wanted:
            break
        pools |= settle(board, np.array(sorted(one.index for one in wanted), dtype=int))
        for one in wanted:
            own = _under(query.goal, one.index, pools[one.index])
            gained = max(gained, one.objective / own.objective) if own else gained
        found = _best_of(board, query, pools)
    return found


def _best_of(board: Board, query: Query, pools: Mapping[int, Pool]) -> dict[int, Finalist]:
    """The best of some settled designs, of each group."""
    group_of, found = query.groups_of(board.listing), dict[int, Finalist]()
    for place, pool in sorted(pools.items()):
        own, group = _under(query.goal, place, pool), int(group_of[place])
        if own is not None and group >= 0 and (group not in found or own.objective < found[group].objective):
            found[group] = own
    return found


def _under(goal: SearchGoal, index: int, pool: Pool) -> Finalist | None:
    """A settled design under a goal; None where it is not feasible."""
    tokens, objective = tokens_and_objective(replace(pool, problem=goal.of(pool.problem)), goal.minimised)
    if not math.isfinite(objective[0]):
        return None
    return Finalist(index=index, pool=pool, tokens=float(tokens[0]), objective=float(objective[0]))


def scored_places(board: Board, scored: Sequence[ArchSpec]) -> Mapping[int, ArchSpec]:
    """Where the scored models stand that are designs of the space."""
    listing = board.listing
    places: dict[int, ArchSpec] = {}
    for spec in scored:
        for family, shapes in board.problem.space.place_of(spec).items():
            here = (
                (listing.of_family == listing.families.index(family))
                & (listing.shapes.d_model == shapes.d_model[0])
                & (listing.shapes.num_layers == shapes.num_layers[0])
            )
            places |= {int(place): spec for place in np.flatnonzero(here)}
    return places


def look(problem: Problem, memory: PricedGrids = SHARED) -> Looked:
    """Every design that a search of this problem looked at: losses exact, dollars exact or estimated.

    Raises:
        InfeasibleError: No family has a design.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    board = started(problem, memory)
    return board.looked() if board.known.whole else board.looked(board.estimates())
