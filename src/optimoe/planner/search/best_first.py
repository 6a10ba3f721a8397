"""Designs are priced in the order of what they may be worth, until nothing that is left can beat the best."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from optimoe.planner.designs import Column
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.shapes import Shapes, united
from optimoe.planner.search.board import Board
from optimoe.planner.search.listing import Index, Listing, around
from optimoe.planner.search.looked import Looked, Rates
from optimoe.planner.search.objective import SearchGoal, tokens_and_objective

SLACK: dict[type, float] = {LowestLoss: 1e-4, LeastCost: 2e-3}
"""Share by which a design that is left must promise to be better, to be priced: 0.0002 nats of 2, or 0.2 % of the
dollars, far below what law and cost model can tell."""

MOST_ACTIVE: dict[type, int] = {LowestLoss: 2_000, LeastCost: 3_000}
ACTIVE_OF_A_GROUP = 60
"""Designs that a round looks at, the most promising ones, of one group or of each of several."""

MOST_ROUNDS, MOST_SWEEPS = 7, 2
"""Rounds of pricing and learning among these, and times that they are chosen anew among all."""

CALLS: dict[type, int] = {LowestLoss: 2, LeastCost: 4}
AT_ONCE = 32
"""Calls of a round, and designs of each: kinds of designs on one deployment. A call costs as much as a hundred
more designs in it."""

NEAR: dict[type, float] = {LowestLoss: 0.02, LeastCost: 0.2}
"""Share beyond the best at which an error counts half: what decides lies nearer."""

MOST_LIKELY = 200
"""Designs that look best, among which there must be a sample of priced ones before estimates are believed."""

SAMPLE = 16
"""Designs that are priced before anything is learned: of a regression on a dozen features (assumed)."""

GLANCED, GLANCES = 3, 2
"""Designs of each row beside the choice that are priced, and how often: rows are what estimates say is best."""

TRAINED_FIRST, TRAINED_AT_ONCE = 400, 150
"""Designs whose training is priced with each round: a tenth of a millisecond each."""

NEIGHBOURS_OF = 3
"""Best designs of a group whose neighbourhoods are put on the board."""

MOST_GROWN = 2
"""Times that neighbourhoods are added: the best moves a step of the coarse list at most each time."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """What one search looks for, in one or several groups of designs at once.

    Attributes:
        goal: What is minimised.
        group_of: Group of each family, by its place; −1 leaves it out. Left out: one group of all.
        width: Designs of each group that a round prices at most.
    """

    goal: SearchGoal
    group_of: Int[np.ndarray, " families"] | None = None
    width: int = AT_ONCE

    @property
    def by_loss_alone(self) -> bool:
        """Whether it does not matter what serving costs."""
        goal = self.goal.minimised
        return isinstance(goal, LowestLoss) and min(goal.total_usd, goal.usd_per_mtok) == math.inf

    def groups_of(self, listing: Listing) -> Index:
        """The group of each design."""
        of_family = listing.of_family
        return np.zeros(len(of_family), dtype=int) if self.group_of is None else self.group_of[of_family]

    def promising(self, bright: Looked) -> dict[int, Index]:
        """List the designs of each group that are not priced and promise to be better than its best, in order."""
        objective, groups = self.judge(bright)[1], self.groups_of(bright.listing)
        exact = bright.exact
        if self.by_loss_alone:  # whichever deployment serves a design, its loss is the same
            exact = exact | (bright.trained & (bright.served & (bright.tokens_per_s > 0)).any(axis=0))
        known, found = np.where(exact, objective, np.inf), {}
        for group in np.unique(groups[groups >= 0]):
            own = groups == group
            least = known[own].min() * (1 - SLACK[type(self.goal.minimised)])
            better = np.flatnonzero(own & ~exact & (objective < least))
            found[int(group)] = better[np.argsort(objective[better], kind="stable")]
        return found

    def judge(self, looked: Looked) -> tuple[Column, Column]:
        """Training tokens and objective of each design; infinite where not feasible."""
        return tokens_and_objective(looked.under_goal(self.goal), self.goal.minimised)


@dataclass(frozen=True, kw_only=True)
class BestOfGroup:
    """A design that is the best of its group under one goal.

    Attributes:
        index: Its place on the board.
        tokens: Its training tokens.
        objective: What is minimised.
    """

    index: int
    tokens: float
    objective: float


def best_of(board: Board, query: Query, count: int = 1) -> dict[int, list[BestOfGroup]]:
    """The best priced designs of each group, the best first; groups with nothing feasible are left out."""
    part, places = board.priced()
    if not len(places):
        return {}
    looked = part.looked()
    tokens, objective = query.judge(looked)
    objective = np.where(looked.trained, objective, np.inf)
    groups, found = query.groups_of(looked.listing), {}
    for group in np.unique(groups[(groups >= 0) & np.isfinite(objective)]):
        own = np.flatnonzero((groups == group) & np.isfinite(objective))
        first = own[np.argsort(objective[own], kind="stable")[:count]]
        found[int(group)] = [
            BestOfGroup(index=int(places[row]), tokens=float(tokens[row]), objective=float(objective[row]))
            for row in first
        ]
    return found


def seek(board: Board, queries: Sequence[Query]) -> None:
    """Price designs until none that is left can beat the best of its group, and look around the best ones."""
    if board.known.whole:
        board.price_all()
        return
    active = np.zeros(0, dtype=int)
    for _ in range(MOST_SWEEPS):
        active, whole = _active(board, queries)
        _price(board, queries, active)
        if whole:
            break
    for _ in range(MOST_GROWN):
        before = len(board.listing)
        if not board.grow(_near(board, queries)):
            return
        active = np.append(active, np.arange(before, len(board.listing)))
        _price(board, queries, active)


def _near(board: Board, queries: Sequence[Query]) -> dict[Family, Shapes]:
    """The shapes around the best designs of each group."""
    near: dict[Family, list[Shapes]] = {}
    for query in queries:
        for found in best_of(board, query, NEIGHBOURS_OF if query.group_of is None else 1).values():
            for best in found:
                family = board.listing.families[board.listing.of_family[best.index]]
                width, depth = (
                    int(numbers[best.index])
                    for numbers in (board.listing.shapes.d_model, board.listing.shapes.num_layers)
                )
                near.setdefault(family, []).append(around(board.known.every[family], width, depth))
    return {family: united(*parts) for family, parts in near.items()}


def glance(board: Board, query: Query, count: int = GLANCED) -> None:
    """Price the few designs of each group that look best by estimate, once and once more with what that taught."""
    if board.known.whole:
        board.price_all()
        return
    looked = board.looked(board.estimates(_weights(board, query)))
    likely = np.concatenate([*_best_by_estimate(looked, query, ACTIVE_OF_A_GROUP).values()])
    active = np.union1d(likely, np.flatnonzero(board.served.any(axis=0)))
    part = board.part(active)
    for _ in range(GLANCES):
        looked = part.looked(part.estimates(_weights(part, query)))
        best = np.concatenate([*_best_by_estimate(looked, query, count).values()])
        designs = np.sort(best[~looked.exact[best]])
        if not len(designs):
            break
        part.train(designs)
        starts = [sheet.start for sheet in part.listing.sheets]
        kinds, ways = np.searchsorted(starts, designs, side="right"), looked.cheapest[designs]
        for kind, way in sorted(set(zip(kinds.tolist(), ways.tolist(), strict=True))):
            part.serve(way, designs[(kinds == kind) & (ways == way)])
    board.put(part, active)


def _best_by_estimate(looked: Looked, query: Query, count: int) -> dict[int, Index]:
    """The designs of each group that look best, the best first."""
    objective, groups = query.judge(looked)[1], query.groups_of(looked.listing)
    found = {-1: np.zeros(0, dtype=int)}
    for group in np.unique(groups[groups >= 0]):
        own = np.flatnonzero((groups == group) & np.isfinite(objective))
        found[int(group)] = own[np.argsort(objective[own], kind="stable")[:count]]
    return found


def left_over(board: Board, query: Query) -> int:
    """Designs that may still be better than the best of their group, by estimates and their margins."""
    if board.known.whole:
        return 0
    bright = board.looked(board.estimates(_weights(board, query)), optimism=1.0)
    return sum(len(own) for own in query.promising(bright).values())


def _price(board: Board, queries: Sequence[Query], active: Index) -> None:
    """Price the most promising designs of some, round by round, and learn from each."""
    if not len(active):
        return
    active = np.union1d(active, np.flatnonzero(board.served.any(axis=0)))  # what was priced is learned from
    part = board.part(active)
    for _ in range(MOST_ROUNDS):
        calls, trained = _promising(part, queries)
        if not calls and not len(trained):
            break
        part.train(trained)
        for way, designs in calls:
            part.serve(way, designs)
    board.put(part, active)


def _active(board: Board, queries: Sequence[Query]) -> tuple[Index, bool]:
    """The most promising designs of each query that are not priced, and whether they are all of them."""
    groups = [query.groups_of(board.listing) for query in queries]
    scope = np.flatnonzero(np.any([own >= 0 for own in groups], axis=0) | board.served.any(axis=0))
    part = board if len(scope) == len(board.listing) else board.part(scope)
    bright = part.looked(part.estimates(_weights(part, queries[0])), optimism=1.0)
    chosen, whole = [np.zeros(0, dtype=int)], True
    for query in queries:
        most = MOST_ACTIVE[type(query.goal.minimised)] if query.group_of is None else ACTIVE_OF_A_GROUP
        for own in query.promising(bright).values():
            chosen.append(own[:most])
            whole = whole and len(own) <= most
    return scope[np.unique(np.concatenate(chosen))], whole


def _promising(board: Board, queries: Sequence[Query]) -> tuple[list[tuple[int, Index]], Index]:
    """The calls of one round: deployments with designs of one kind that may beat the best; and what to train."""
    estimates = board.estimates(_weights(board, queries[0]))
    sample = _sample(board.looked(estimates), queries)
    if sample:
        return sample, np.union1d(sample[0][1], _spread(board))
    bright = board.looked(estimates, optimism=1.0)
    worth: dict[tuple[int, int], float] = {}
    members: dict[tuple[int, int], list[int]] = {}
    trained = [np.zeros(0, dtype=int) if board.known.trained.sum() >= TRAINED_FIRST else _spread(board)]
    most = max(CALLS[type(query.goal.minimised)] for query in queries)
    for query in queries:
        for own in query.promising(bright).values():
            trained.append(own[: TRAINED_AT_ONCE if query.group_of is None else query.width])
            tightness = board.known.roof.tightness if query.by_loss_alone and board.known.roof else None
            for rank, call, design in _calls(bright, own[: query.width * most], tightness):
                worth[call] = worth.get(call, 0.0) + 1 / (1 + rank)
                members.setdefault(call, []).append(design)
    first = sorted(worth, key=lambda call: -worth[call])[:most]
    untrained = np.unique(np.concatenate(trained))
    untrained = untrained[~board.known.trained[untrained]]
    return [(call[1], np.unique(members[call][:AT_ONCE])) for call in first], untrained


def _weights(board: Board, query: Query) -> Column:
    """How much the error of each design that was tried counts: as it is near the best by what is estimated now."""
    weights = np.ones(len(board.listing))
    if not board.served.any():
        return weights
    trained = board.known.trained
    part, places = board.priced(None if trained.all() else np.flatnonzero(trained))
    objective = query.judge(part.looked(part.estimates()))[1]
    if np.isfinite(objective).any():
        beyond = (objective / objective.min() - 1) / NEAR[type(query.goal.minimised)]
        weights[places] = np.maximum(1 / (1 + np.minimum(beyond, 1e3) ** 2), 1e-3)
    return weights


def _spread(board: Board) -> Index:
    """Designs over the whole board whose training is priced first, so that nothing is learned from one corner."""
    size = len(board.listing)
    return np.unique(np.linspace(0, size - 1, min(size, TRAINED_FIRST)).astype(int))


def _calls(bright: Looked, designs: Index, tightness: Rates | None) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Of designs, the most promising first: its rank, its kind with its most promising way that is not priced.

    That is the one of the fewest dollars, or where these do not matter the one of the loosest limits.
    """
    usd = np.where(bright.served[:, designs], np.inf, bright.fleet_usd[:, designs])
    if tightness is not None:
        usd = np.where(np.isfinite(usd), np.exp(tightness[:, designs]), np.inf)
    starts = [sheet.start for sheet in bright.listing.sheets]
    kinds = np.searchsorted(starts, designs, side="right")
    for rank, (way, kind, design) in enumerate(zip(usd.argmin(axis=0), kinds, designs, strict=True)):
        if np.isfinite(usd[way, rank]):
            yield rank, (int(kind), int(way)), int(design)


def _sample(looked: Looked, queries: Sequence[Query]) -> list[tuple[int, Index]]:
    """What is priced where little is known: some of the best designs of one kind, on deployments of all sizes.

    For the least dollars alone, the kind being that of most of them, the format that of the best estimate. Nothing
    where enough of those that look best were priced before.
    """
    query = next((one for one in queries if isinstance(one.goal.minimised, LeastCost)), None)
    if query is None:
        return []
    objective = query.judge(looked)[1]
    most = min(MOST_LIKELY, int(np.isfinite(objective).sum()))
    if not most:
        return []
    likely = np.argsort(objective, kind="stable")[:most]
    ways = looked.problem.deployments
    best = ways[int(np.bincount(looked.cheapest[likely[:SAMPLE]]).argmax())]
    alike = [
        way
        for way, one in enumerate(ways)
        if one.engine == best.engine and one.cluster.accelerator == best.cluster.accelerator
    ]
    if looked.served[alike][:, likely].any(axis=0).sum() >= min(SAMPLE, most):
        return []
    starts = [sheet.start for sheet in looked.listing.sheets]
    kinds = np.searchsorted(starts, likely, side="right")
    likely = likely[kinds == np.bincount(kinds).argmax()]
    chosen = np.sort(likely[np.unique(np.linspace(0, len(likely) - 1, min(SAMPLE, len(likely))).astype(int))])
    if looked.served[alike][:, chosen].all():
        return []
    return [(way, chosen) for way in alike]
