"""Designs are priced in the order of what they may be worth, until nothing that is left can beat the best."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from optimoe.planner.designs import Column
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.shapes import Shapes, united
from optimoe.planner.search.board import Board
from optimoe.planner.search.listing import Index, Listing, around
from optimoe.planner.search.looked import Looked
from optimoe.planner.search.objective import SearchGoal, tokens_and_objective

SLACK: dict[type, float] = {LowestLoss: 1e-5, LeastCost: 2e-3}
"""Share by which a design that is left must promise to be better, to be priced: 0.2 % of the dollars, far below
what law and cost model can tell, and as little of the loss as moves the dollars at that loss by as much."""

DOUBT = 1.5
"""Margins by which a design that is left is taken to be better than its estimate: three times the usual error, for
what is missed once is missed for good."""

MOST_IN_SCOPE, MOST_DOUBT = 6_000, 3.0
"""Designs among which a search prices, those that look best with so many margins: what it learns moves estimates,
and takes some out of sight; to look at the whole list each time takes ten times as long."""

MOST_ROUNDS, MOST_TRAININGS = 60, 2
"""Rounds of pricing and learning, and of training in each; some ten are usual."""

CALLS, AT_ONCE = 4, 32
"""Calls of a round, and designs of each: of one kind on one deployment. A call costs as much as ten to thirty more
designs in it, and what the first ones tell spares others."""

NEAR: dict[type, float] = {LowestLoss: 0.02, LeastCost: 0.2}
"""Share beyond the best at which an error counts half: what decides lies nearer."""

MOST_LIKELY = 200
"""Designs that look best, among which there must be a sample of priced ones before estimates are believed."""

SAMPLE = 16
"""Designs that are priced before anything is learned: of a regression on a dozen features (assumed)."""

ACTIVE_OF_A_GROUP, GLANCED, GLANCES, MOST_GLANCES = 60, 3, 2, 6
"""Designs of each row beside the choice that are looked at, and priced, and how often, and how often where none of
them keeps the limits: rows are what estimates say is best."""

TRAINED_FIRST, TRAINED_AT_ONCE = 400, 150
"""Designs whose training is priced before anything is learned, and at a time: what the first ones tell spares
others."""

NEIGHBOURS_OF = 3
"""Best designs of a group whose neighbourhoods are put on the board."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """What one search looks for, in one or several groups of designs at once.

    Attributes:
        goal: What is minimised.
        group_of: Group of each family, by its place; −1 leaves it out. Left out: one group of all.
    """

    goal: SearchGoal
    group_of: Int[np.ndarray, " families"] | None = None

    @property
    def by_loss_alone(self) -> bool:
        """Whether it does not matter what serving costs."""
        goal = self.goal.minimised
        return isinstance(goal, LowestLoss) and min(goal.total_usd, goal.usd_per_mtok) == math.inf

    def groups_of(self, listing: Listing) -> Index:
        """The group of each design."""
        of_family = listing.of_family
        return np.zeros(len(of_family), dtype=int) if self.group_of is None else self.group_of[of_family]

    def promising(self, bright: Looked) -> Index:
        """List the designs that are not priced and promise to be better than the best of their group, in order."""
        objective = self.judge(bright)[1]
        better = np.flatnonzero(~self.known(bright) & (objective < self.to_beat(bright, objective)))
        return better[np.argsort(objective[better], kind="stable")]

    def to_beat(self, bright: Looked, objective: Column) -> Column:
        """What each design must stay below: the best that is known of its group; −∞ of those left out."""
        groups = self.groups_of(bright.listing)
        known, least = np.where(self.known(bright), objective, np.inf), np.full(len(objective), -np.inf)
        for group in np.unique(groups[groups >= 0]):
            own = groups == group
            least[own] = known[own].min() * (1 - SLACK[type(self.goal.minimised)])
        return least

    def known(self, bright: Looked) -> Bool[np.ndarray, " designs"]:
        """Whether what this search asks for is known of a design, none of it estimated."""
        if not self.by_loss_alone:  # whichever deployment serves a design, its loss is the same
            return bright.exact
        return bright.exact | (bright.trained & (bright.served & (bright.tokens_per_s > 0)).any(axis=0))

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


def seek(board: Board, query: Query) -> None:
    """Price designs until none that is left can beat the best of its group, and look around the best ones."""
    if board.known.whole:
        board.price_all()
        return
    board.train(_spread(board))
    scope = _scope(board, query)
    whole = len(scope) < MOST_IN_SCOPE  # all that promise anything by what is known are in it
    for _ in range(MOST_ROUNDS):
        part = board.part(scope)
        tried = _round(part, query)
        board.put(part, scope)
        if tried:
            scope, whole = scope[_in_sight(part, query, MOST_DOUBT, local=False)], False
            continue
        before = len(board.listing)
        if not board.grow(_near(board, query)) and whole:
            return
        wider = np.union1d(_scope(board, query, DOUBT), np.arange(before, len(board.listing)))
        if np.isin(wider, scope).all():
            return
        scope, whole = np.union1d(scope, wider), False


def _near(board: Board, query: Query) -> dict[Family, Shapes]:
    """The shapes around the best designs of each group."""
    near: dict[Family, list[Shapes]] = {}
    listing = board.listing
    for found in best_of(board, query, NEIGHBOURS_OF if query.group_of is None else 1).values():
        for best in found:
            family = listing.families[listing.of_family[best.index]]
            width, depth = (int(of[best.index]) for of in (listing.shapes.d_model, listing.shapes.num_layers))
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
    part, looked = board.part(active), looked.where(active)
    for glanced in range(MOST_GLANCES):
        if glanced >= GLANCES and best_of(part, query):
            break
        if glanced or not board.near:  # few designs are estimated alike among all of them
            looked = part.looked(part.estimates(_weights(part, query)))
        best = np.concatenate([*_best_by_estimate(looked, query, count).values()])
        designs = np.sort(best[~looked.exact[best]])
        if not len(designs):
            break
        part.train(designs)
        kinds, ways = part.listing.kind[designs], looked.cheapest[designs]
        part.serve_ahead(np.unique(ways), designs)
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
    part = board.part(_not_bounded_away(board, query))
    return len(query.promising(part.looked(part.estimates(_weights(part, query)), optimism=1.0)))


def _scope(board: Board, query: Query, doubt: float = MOST_DOUBT) -> Index:
    """The designs of the whole board that are promising with so many margins, and those that were priced."""
    own = _not_bounded_away(board, query)
    return own[_in_sight(board.part(own), query, doubt)]


def _in_sight(board: Board, query: Query, doubt: float, *, local: bool = True) -> Bool[np.ndarray, " designs"]:
    """Which designs were tried, or are among those that promise most with so many margins."""
    weights = _weights(board, query)
    estimates = board.utilisation(weights), board.rates(weights, local=local)
    seen = board.known.trained | board.served.any(axis=0)
    seen[query.promising(board.looked(estimates, optimism=doubt))[:MOST_IN_SCOPE]] = True
    return seen


def _not_bounded_away(board: Board, query: Query) -> Index:
    """The designs that could beat the best of their group if they trained at the peak and served at once.

    And those that were tried, from which estimates are learned.
    """
    groups, objective = query.groups_of(board.listing), query.judge(board.at_the_limit())[1]
    best = best_of(board, query)
    least = np.full(groups.max(initial=0) + 1, np.inf)
    for group, (one, *_) in best.items():
        least[group] = one.objective
    able = (groups >= 0) & (objective < least[np.maximum(groups, 0)])
    return np.flatnonzero(able | board.known.trained | board.served.any(axis=0))


def _round(board: Board, query: Query) -> int:
    """Train the most promising designs and price those that still are; how many designs were tried."""
    weights = _weights(board, query)
    rates, before = board.rates(weights), int(board.known.trained.sum())
    sample = _sample(board.looked((board.utilisation(weights), rates)), query)
    if sample:
        return _serve(board, sample)
    for _ in range(MOST_TRAININGS):
        bright = board.looked((board.utilisation(weights), rates), optimism=DOUBT)
        promising = query.promising(bright)
        wanted = promising[~board.known.trained[promising]][:TRAINED_AT_ONCE]
        if not len(wanted):
            break
        board.train(wanted)
    trained = int(board.known.trained.sum()) - before
    return trained + _serve(board, _calls(board, bright, query, promising[board.known.trained[promising]]))


def _serve(board: Board, calls: list[tuple[int, Index]]) -> int:
    """Price the designs of some calls; how many those were."""
    if len(calls) > 1 and all(designs is calls[0][1] for _, designs in calls):
        board.serve_ahead(np.array([way for way, _ in calls]), calls[0][1])
    for way, designs in calls:
        board.serve(way, designs)
    return sum(len(designs) for _, designs in calls)


def _weights(board: Board, query: Query) -> Column:
    """How much the error of each design that was tried counts: as it is near the best by what is estimated now."""
    weights = np.ones(len(board.listing))
    if not board.served.any():
        return weights
    trained = board.known.trained
    part, places = board.priced(None if trained.all() else np.flatnonzero(trained))
    objective = query.judge(part.looked((part.utilisation(), part.rates(local=False))))[1]
    if np.isfinite(objective).any():
        beyond = (objective / objective.min() - 1) / NEAR[type(query.goal.minimised)]
        weights[places] = np.maximum(1 / (1 + np.minimum(beyond, 1e3) ** 2), 1e-3)
    return weights


def _spread(board: Board) -> Index:
    """Designs over the whole board whose training is priced first, so that nothing is learned from one corner."""
    size = len(board.listing)
    if board.known.trained.sum() >= TRAINED_FIRST:
        return np.zeros(0, dtype=int)
    return np.unique(np.linspace(0, size - 1, min(size, TRAINED_FIRST)).astype(int))


def _calls(board: Board, bright: Looked, query: Query, promising: Index) -> list[tuple[int, Index]]:
    """The calls of one round: deployments with designs of one kind that may beat the best there.

    For the least dollars those on which a design may, else the most promising one of each: that of the fewest
    dollars, or where these do not matter the one of the loosest limits.
    """
    usd = np.where(bright.served, np.inf, bright.fleet_usd)[:, promising]
    if query.by_loss_alone and board.known.roof is not None:
        usd = np.where(np.isfinite(usd), board.known.roof.tightness[:, promising], np.inf)
    worth = np.isfinite(usd) & (np.arange(len(usd))[:, None] == usd.argmin(axis=0))
    if isinstance(query.goal.minimised, LeastCost):
        objective = query.judge(bright)[1]
        rest = objective[promising] - bright.serve_usd[promising]  # training
        worth = np.isfinite(usd) & (usd + rest < query.to_beat(bright, objective)[promising])
    kinds = bright.listing.kind[promising]
    rank = 1 / (1 + np.arange(len(promising)))
    calls = {
        (kind, way): float(rank[worth[way] & (kinds == kind)].sum())
        for kind in np.unique(kinds).tolist()
        for way in np.flatnonzero(worth.any(axis=1)).tolist()
    }
    first = [call for call in sorted(calls, key=lambda call: -calls[call])[:CALLS] if calls[call] > 0]
    return [(way, np.sort(promising[worth[way] & (kinds == kind)][:AT_ONCE])) for kind, way in first]


def _sample(looked: Looked, query: Query) -> list[tuple[int, Index]]:
    """What is priced where little is known: some of the best designs of one kind, on deployments of all sizes.

    For the least dollars alone, the kind being that of most of them, the format that of the best estimate. Nothing
    where enough of those that look best were priced before.
    """
    if not isinstance(query.goal.minimised, LeastCost):
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
    kinds = looked.listing.kind[likely]
    likely = likely[kinds == np.bincount(kinds).argmax()]
    chosen = np.sort(likely[np.unique(np.linspace(0, len(likely) - 1, min(SAMPLE, len(likely))).astype(int))])
    if looked.served[alike][:, chosen].all():
        return []
    return [(way, chosen) for way in alike]
