"""The designs of a search with all that is known of them: what was priced, and estimates of the rest."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool

from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import concatenated, take
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.designs import Column, Pool
from optimoe.planner.pricing import PricedGrids, peak_over_bf16
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.training import PredictedMfu
from optimoe.planner.search.estimate import (
    MOST_LOCAL,
    Estimated,
    Features,
    Rooflines,
    cluster_features,
    estimated_mfu,
    estimated_rates,
    features,
    moved_mfu,
    rooflines,
)
from optimoe.planner.search.listing import Index, Listing, coarse, listed, priced_whole
from optimoe.planner.search.looked import Looked, Rates, judged_by

Judgement = tuple[TokenCurve, Bool[np.ndarray, " designs"]]
"""The loss curves of designs under a law, and which of them it may rank."""

ANY_TRAFFIC = 1e30
"""Tokens per second that carry whatever is asked."""

MOST_CURVES = 8
"""Laws whose loss curves a board keeps, the latest."""


@dataclass(kw_only=True)
class Known:
    """What a search knows whatever the law, the budget, the demand and the prices: kept for the next one.

    Attributes:
        listing: The designs.
        whole: Whether they are all of the space, and all of them are to be priced.
        size: Designs of the space.
        trained: Of which designs the layouts of training were tried.
        rates: Output tokens per second of each deployment with each design; NaN where nobody searched them.
        roof, features: What estimates are made of; none where the whole space is priced.
        curves: Loss curves by law, with which of the designs it may rank; of :data:`MOST_CURVES` laws.
        expected_mfu: Utilisation in training that an earlier search found or expects of each design; none of a
            board of the whole space.
        usual: The run whose usual layouts are tried, where it is that of an earlier search.
    """

    listing: Listing
    whole: bool
    size: int
    every: Mapping[Family, Shapes]
    trained: Bool[np.ndarray, " designs"]
    rates: Rates
    roof: Rooflines | None
    features: Features | None
    curves: dict[LossLaw, Judgement] = field(default_factory=dict)
    expected_mfu: Column | None = None
    usual: TrainRun | None = None


@dataclass(kw_only=True)
class Board:
    """The designs of a search, what is known of them, and the ways to know more.

    Attributes:
        problem: The question.
        memory: Designs that were priced before; new ones are added.
        known: What does not depend on law, budget, demand or prices.
        mfu: Utilisation in training of the designs that were trained; NaN of the others, and where nothing fits.
        bare: Pools of single designs by place, as far as they are the same under any limits and run.
        pools: Near an earlier plan, designs that were settled, by place and how: the latest, the last one behind.
    """

    problem: Problem
    memory: PricedGrids
    known: Known
    mfu: Column = field(default_factory=lambda: np.zeros(0))
    bare: dict[int, tuple[ArchSpec, Pool]] = field(default_factory=dict)
    pools: OrderedDict[tuple[int, bytes], Pool] = field(default_factory=OrderedDict)

    @property
    def listing(self) -> Listing:
        """The designs that are on the board."""
        return self.known.listing

    @property
    def near(self) -> bool:
        """Whether these are the designs near an earlier plan, and not those of the whole space."""
        return self.known.expected_mfu is not None

    @property
    def served(self) -> Bool[np.ndarray, "deployments designs"]:
        """Which deployments were searched, for each design."""
        return ~np.isnan(self.known.rates)

    def train(self, designs: Index) -> None:
        """Try the layouts of training for designs where nobody did."""
        self.train_anew(designs[~self.known.trained[designs]])

    def train_anew(self, designs: Index) -> None:
        """Look up the utilisation of designs, or predict it."""
        for grid, own in self.listing.pieces(designs):
            self.mfu[own] = self.memory.trained(self.problem, grid, self.known.usual).mfu
        self.known.trained[designs] = True

    def serve(self, way: int, designs: Index) -> None:
        """Search layout and batch of designs on one deployment."""
        for grid, own in self.listing.pieces(designs):
            served = self.memory.served(self.problem.deployments[way], grid)
            self.known.rates[way, own] = served.tokens_per_s

    def serve_ahead(self, ways: Index, designs: Index) -> None:
        """Search designs on all of some deployments at once, of which :meth:`serve` will ask for some."""
        for grid, _ in self.listing.pieces(designs):
            self.memory.serve_ahead([self.problem.deployments[way] for way in ways.tolist()], grid)

    def price_all(self) -> None:
        """Train and serve every design on every deployment."""
        self.train(np.arange(len(self.listing)))
        for way in range(len(self.problem.deployments)):
            self.serve(way, np.flatnonzero(np.isnan(self.known.rates[way])))

    def grow(self, members: Mapping[Family, Shapes]) -> int:
        """Put further designs on the board; returns how many were new."""
        listing, new = self.listing, dict[Family, Shapes]()
        place = {family: number for number, family in enumerate(listing.families)}
        for family, shapes in members.items():
            own = listing.shapes.where(np.flatnonzero(listing.of_family == place.get(family, -1)))
            fresh = ~shapes.among(own)
            if fresh.any():
                new[family] = shapes.where(fresh)
        if not new:
            return 0
        more = listed(self.problem.space, new)
        size, grown = len(more), self.with_more(more)
        self.known, self.mfu = grown.known, grown.mfu
        if self.problem.training.run is None:
            self.train_anew(np.arange(len(listing), len(self.listing)))
        return size

    def with_more(self, more: Listing) -> "Board":
        """A board of these designs and further ones behind them, of which nothing is known."""
        known, size = self.known, len(more)
        longer = replace(
            known,
            listing=known.listing.with_more(more),
            trained=np.append(known.trained, np.zeros(size, dtype=bool)),
            rates=np.hstack([known.rates, np.full((len(known.rates), size), np.nan)]),
            roof=known.roof.with_more(rooflines(more, self.problem.deployments)) if known.roof else None,
            features=np.vstack([known.features, features(more)]) if known.features is not None else None,
            curves={law: _longer(law, judgement, more) for law, judgement in known.curves.items()},
        )
        return replace(self, known=longer, mfu=np.append(self.mfu, np.full(size, np.nan)))

    def estimates(self, weights: Column | None = None) -> tuple[Estimated, Estimated]:
        """Estimates of utilisation and of tokens per second, learned from what was priced.

        Args:
            weights: How much the error of each design counts; left out, all alike.
        """
        return self.utilisation(weights), self.rates(weights)

    def utilisation(self, weights: Column | None = None) -> Estimated:
        """Estimates of the utilisation in training alone."""
        weights = np.ones(len(self.listing)) if weights is None else weights
        if self.known.expected_mfu is not None:
            return moved_mfu(self.known.expected_mfu, self.mfu, self.known.trained)
        assert self.known.features is not None  # a space that is priced whole estimates nothing
        return estimated_mfu(self.known.features, self.listing.params_total, self.mfu, self.known.trained, weights)

    def rates(self, weights: Column | None = None, *, local: bool = True) -> Estimated:
        """Estimates of the tokens per second alone; ``local``: by what near designs say too, of few designs."""
        weights = np.ones(len(self.listing)) if weights is None else weights
        known = self.known
        assert known.roof is not None  # likewise
        assert known.features is not None
        clusters = cluster_features(self.problem.deployments)
        near = local and len(self.listing) <= MOST_LOCAL
        return estimated_rates(known.roof, known.features, clusters, known.rates, self.served, weights, local=near)

    def part(self, designs: Index) -> "Board":
        """A board of some of the designs, in their order."""
        known = self.known
        assert known.roof is not None
        assert known.features is not None
        judged = {law: (take(curve, designs), ranked[designs]) for law, (curve, ranked) in known.curves.items()}
        own = replace(
            known,
            listing=known.listing.where(designs),
            trained=known.trained[designs],
            rates=known.rates[:, designs],
            roof=known.roof.at(designs),
            features=known.features[designs],
            curves=judged,
            expected_mfu=None if known.expected_mfu is None else known.expected_mfu[designs],
        )
        part = replace(self, known=own, bare={}, pools=OrderedDict())
        part.mfu = self.mfu[designs]
        return part

    def put(self, part: "Board", designs: Index) -> None:
        """Take over what a board of some of the designs came to know."""
        self.known.trained[designs] = part.known.trained
        self.known.rates[:, designs] = part.known.rates
        self.mfu[designs] = part.mfu

    def looked(self, estimates: tuple[Estimated, Estimated] | None = None, optimism: float = 0.0) -> Looked:
        """The designs as far as they are known, the rest estimated.

        Args:
            estimates: Of :meth:`estimates`; left out, what was not priced does not serve.
            optimism: How many margins better than its estimate everything is taken to be that was not priced.
        """
        mfu, rates = self.mfu, self.known.rates
        if estimates is not None:
            of_mfu, of_rates = estimates
            guess = np.exp(np.minimum(of_mfu.log + optimism * of_mfu.margin, 0.0))
            mfu = np.where(self.known.trained, mfu, np.where(guess > 0, guess, np.nan))
            rates = np.where(self.served, rates, np.exp(of_rates.log + optimism * of_rates.margin))
        else:
            rates = np.where(self.served, rates, 0.0)
        curve, standing = self.judged(self.problem.law)
        return Looked(
            problem=self.problem,
            params_active=self.listing.params_active,
            params_router=self.listing.params_router,
            curve=curve,
            listing=self.listing,
            standing=standing,
            utilisation=mfu,
            trained=self.known.trained,
            tokens_per_s=rates,
            served=self.served,
        )

    def at_the_limit(self) -> Looked:
        """The designs as if each trained at the peak, and served all traffic on the cheapest deployment alone."""
        ways, run = self.problem.deployments, self.problem.training.run
        cheapest = min(ways, key=lambda one: one.cluster.num_gpus * self.problem.hour_usd(one.price))
        size = len(self.listing)
        return replace(
            self.looked(),
            problem=replace(self.problem, deployments=(cheapest,)),
            utilisation=np.full(size, peak_over_bf16(run) if run else 1.0),
            tokens_per_s=np.full((1, size), ANY_TRAFFIC),
            served=np.zeros((1, size), dtype=bool),
        )

    def priced(self, also: Index | None = None) -> tuple["Board", Index]:
        """The board of the designs that some deployment was searched for, and others, and their places."""
        places = np.flatnonzero(self.served.any(axis=0))
        if self.known.whole:
            return self, np.arange(len(self.listing))
        places = places if also is None else np.union1d(places, also)
        return self.part(places), places

    def judged(self, law: LossLaw) -> Judgement:
        """The loss curves of the designs under a law, and which of them it may rank."""
        curves = self.known.curves
        judgement = curves.get(law) or judged_by(law, self.listing)
        curves[law] = judgement
        for oldest in [*curves][:-MOST_CURVES]:
            curves.pop(oldest, None)
        return judgement


def _longer(law: LossLaw, judgement: Judgement, more: Listing) -> tuple[TokenCurve, Bool[np.ndarray, " longer"]]:
    """The judgement of designs and of further ones behind them."""
    return concatenated([judgement, judged_by(law, more)])


def board_of(problem: Problem, memory: PricedGrids, *, anew: bool = False) -> Board:
    """The board of a problem: that of an earlier one with the same designs and hardware, or a new one.

    Args:
        problem: The question.
        memory: What was priced before.
        anew: A new one, whatever earlier questions came to know.

    Raises:
        InfeasibleError: No family has a design.
    """
    known = _known(problem) if anew else memory.kept(lambda: _known(problem), "board", *_asked(problem))
    board = Board(problem=problem, memory=memory, known=known, mfu=np.full(len(known.listing), np.nan))
    everything = problem.training.run is None  # nothing has to be tried then
    board.train_anew(np.flatnonzero(known.trained | everything))
    return board


def keep(board: Board) -> None:
    """Hand what a board has come to know to the next problem with the same designs and hardware."""
    board.memory.renew(board.known, "board", *_asked(board.problem))


def _asked(problem: Problem) -> tuple[object, ...]:
    run = problem.training.run
    return (
        problem.space,
        [replace(deployment, price=unknown_price()) for deployment in problem.deployments],
        run and replace(run, price=unknown_price()),
        isinstance(problem.training.utilisation, PredictedMfu),
    )


def _known(problem: Problem) -> Known:
    space, ways = problem.space, len(problem.deployments)
    every = space.all_members()
    size = sum(len(shapes.d_model) for shapes in every.values())
    whole = priced_whole(space, size, ways)
    listing = listed(space, every if whole else coarse(every))
    return Known(
        listing=listing,
        whole=whole,
        size=size,
        every=every,
        trained=np.zeros(len(listing), dtype=bool),
        rates=np.full((ways, len(listing)), np.nan),
        roof=None if whole else rooflines(listing, problem.deployments),
        features=None if whole else features(listing),
    )
