"""Designs side by side that draws compare with the choice, which stands last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import concatenated, take
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.draws.law import LawDraws
from optimoe.planner.confidence.draws.money import MoneyDraws, as_stated
from optimoe.planner.designs import Columns, curve_of
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.search.looked import Looked
from optimoe.planner.search.objective import Dollars

PerDesign = Float[np.ndarray, " designs"]
Index = Int[np.ndarray, " kept"]


@dataclass(frozen=True, kw_only=True)
class Lineup(Columns):
    """The designs of all families with what a goal asks of them. The curve may hold a row for each draw.

    Attributes:
        families: Of each design.
        grids: The designs, one grid after the other.
        params_total: Stored parameters.
        utilisation: Of each design in training; NaN where no layout trains it.
        tokens_per_s: Output tokens per second of each deployment with each design; 0 where no limits hold.
        standing: Whether the law may rank a design.
    """

    families: tuple[Family, ...]
    grids: tuple[ArchSpec, ...]
    params_total: PerDesign
    utilisation: PerDesign
    tokens_per_s: Float[np.ndarray, "deployments designs"]
    standing: Bool[np.ndarray, " designs"]

    def __len__(self) -> int:
        """Number of designs."""
        return len(self.families)

    def __repr__(self) -> str:
        """How many designs, in one line."""
        return f"Lineup({len(self):,} designs)"

    @property
    def mfu(self) -> PerDesign:
        """Utilisation in training, of 6ND over the bf16 peak; NaN where no layout trains a design."""
        return self.utilisation

    @property
    def ranked(self) -> Bool[np.ndarray, " designs"]:
        """Whether the law may rank a design, for each design."""
        return self.standing

    @property
    def ranked_grids(self) -> tuple[ArchSpec, ...]:
        """The designs that the law may rank, grid by grid."""
        starts = np.cumsum([0, *map(_size, self.grids)])
        kept = [np.flatnonzero(self.standing[start:end]) for start, end in pairwise(starts)]
        return tuple(take(grid, own) for grid, own in zip(self.grids, kept, strict=True) if len(own))

    @property
    def servable(self) -> Bool[np.ndarray, " designs"]:
        """Whether some deployment keeps all limits, for each design."""
        return np.asarray((self.tokens_per_s > 0).any(axis=0))

    @property
    def serve_usd(self) -> PerDesign:
        """Dollars of serving over the model's life, as stated; infinite where no deployment keeps the limits."""
        return np.ravel(self.dollars(as_stated(self.problem)).serve)

    @property
    def usd_per_mtok(self) -> PerDesign:
        """Dollars per million output tokens of the cheapest deployment, as stated."""
        return np.ravel(self.dollars(as_stated(self.problem)).per_mtok)

    def dollars(self, money: MoneyDraws) -> Dollars:
        """The dollars of every design in every draw of prices and demand, on its cheapest deployment there."""
        one = self._served(Traffic(lifetime_tokens=1e6))
        counted = self.problem.traffic if self.problem.lifetime_tokens else None
        # whole deployments are counted at each level of demand; the dollars of tokens are in proportion to it
        rated = counted is not None and counted.rated
        demands, level = (money.demands, money.level) if rated else ((1.0,), 0 * money.level)
        factor = np.ones((1, 1))
        levels = [one if counted is None else self._served(counted.scaled(f)) for f in demands]
        if counted is not None and not rated:
            factor = np.array(money.demands)[money.level, None]
        kinds, place = np.unique(money.serve, axis=1, return_inverse=True)
        place = np.ravel(place)
        serve = np.full((money.draws, len(self)), np.inf)
        per_mtok = serve.copy()
        for kind in range(kinds.shape[1]):
            own = np.flatnonzero(place == kind)
            usd, mtok = np.empty((len(levels), len(self))), np.empty((len(levels), len(self)))
            for number, ways in enumerate(levels):
                cheapest = ways[own].argmin(axis=0)[None]
                usd[number] = np.take_along_axis(ways[own], cheapest, axis=0)[0]
                mtok[number] = np.take_along_axis(one[own], cheapest, axis=0)[0]
            drawn = usd[level] * (factor * kinds[:, [kind]])
            better = drawn < serve
            serve = np.where(better, drawn, serve)
            per_mtok = np.where(better, mtok[level] * kinds[:, [kind]], per_mtok)
        per_token = self.usd_per_train_token * money.train
        if counted is None:
            serve = np.where(np.isfinite(serve), 0.0, np.inf)
        return Dollars(serve=serve, per_train_token=per_token, per_mtok=per_mtok)

    def _served(self, traffic: Traffic) -> Float[np.ndarray, "deployments designs"]:
        """Dollars of serving by each deployment over the life; infinite where it keeps no limit."""
        deployments = self.problem.deployments
        usd = traffic.usd(
            tokens_per_s=self.tokens_per_s,
            num_gpus=np.array([[one.cluster.num_gpus] for one in deployments]),
            usd_per_gpu_hour=np.array([[self.problem.hour_usd(one.price)] for one in deployments]),
        )
        return np.asarray(usd)

    def drawn(self, law: LawDraws, tokens: PerDesign) -> "Lineup":
        """The designs under every draw of a law, each moved by what lies beyond its range at so many tokens."""
        sizes = np.cumsum([_size(grid) for grid in self.grids])[:-1]
        expansion = float(self.params_total[-1] / self.params_active[-1])
        parts = [
            law.curve(grid, own, expansion) for grid, own in zip(self.grids, np.split(tokens, sizes), strict=True)
        ]
        columns = {
            name: np.concatenate([np.asarray(getattr(part, name), dtype=float) for part in parts], axis=1)
            for name in ("floor", "scale", "exponent")
        }
        return replace(self, curve=TokenCurve(**columns))

    def under(self, law: LossLaw) -> "Lineup":
        """Put the designs under another law, which may not rank all of them."""
        curve, ranked = _judged(law, self.grids)
        return replace(self, problem=replace(self.problem, law=law), curve=curve, standing=ranked)

    def where(self, kept: Index) -> "Lineup":
        """Some of the designs by their places, in their order."""
        order, start, grids = np.sort(kept), 0, []
        for grid in self.grids:
            size = _size(grid)
            own = order[(order >= start) & (order < start + size)] - start
            if len(own):
                grids.append(take(grid, own))
            start += size
        return replace(
            self,
            families=tuple(self.families[int(place)] for place in order),
            grids=tuple(grids),
            params_active=self.params_active[order],
            params_total=self.params_total[order],
            params_router=self.params_router[order],
            utilisation=self.utilisation[order],
            tokens_per_s=self.tokens_per_s[:, order],
            curve=take(self.curve, order),
            standing=self.standing[order],
        )


def lineup_of(looked: Looked, given: Sequence[Candidate]) -> Lineup:
    """The designs that a search looked at, and behind them single ones with the numbers that the plan states.

    Dollars of those that the search did not price are its estimates.
    """
    problem, listing = looked.problem, looked.listing
    pieces = list(listing.pieces(np.arange(len(listing))))
    order = np.concatenate([own for _, own in pieces])
    alone = tuple(_alone(one.spec) for one in given)
    sizes = [one.params for one in given]
    curve, ranked = _judged(problem.law, alone)
    return Lineup(
        problem=problem,
        families=(
            *(listing.families[place] for place in listing.of_family[order]),
            *(one.family for one in given),
        ),
        grids=(*(grid for grid, _ in pieces), *alone),
        params_active=np.append(looked.params_active[order], [float(size.active) for size in sizes]),
        params_total=np.append(listing.params_total[order], [float(size.total) for size in sizes]),
        params_router=np.append(looked.params_router[order], [float(size.router) for size in sizes]),
        utilisation=np.append(looked.utilisation[order], [one.training.mfu for one in given]),
        tokens_per_s=np.hstack([looked.tokens_per_s[:, order], *(_rates(problem, one) for one in given)]),
        curve=concatenated([take(looked.curve, order), curve]),
        standing=np.append(looked.standing[order], ranked),
    )


def _rates(problem: Problem, given: Candidate) -> Float[np.ndarray, "deployments 1"]:
    """Tokens per second of one design in the deployment that the plan states for it; it is not asked of others."""
    rates = [float(given.serving.tokens_per_s) if one == given.deployment else 0.0 for one in problem.deployments]
    return np.array(rates)[:, None]


def _alone(spec: ArchSpec) -> ArchSpec:
    """A design as a grid of one."""
    layers = tuple(replace(group, num_layers=np.array([group.num_layers])) for group in spec.layers)  # type: ignore[arg-type]
    return replace(spec, d_model=np.array([spec.d_model]), layers=layers)  # type: ignore[arg-type]


def _size(grid: ArchSpec) -> int:
    return len(np.asarray(grid.d_model))


def _judged(law: LossLaw, grids: Sequence[ArchSpec]) -> tuple[TokenCurve, Bool[np.ndarray, " designs"]]:
    """The loss curve of each design, and whether the law may rank it."""
    curves = [curve_of(law, grid, (_size(grid),)) for grid in grids]
    ranked = [np.broadcast_to(law.judge(grid).applicable, (_size(grid),)) for grid in grids]
    columns = {
        name: np.concatenate([np.asarray(getattr(curve, name), dtype=float) for curve in curves])
        for name in ("floor", "scale", "exponent")
    }
    return TokenCurve(**columns), np.concatenate(ranked)
