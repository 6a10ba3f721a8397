"""Designs with their loss, their dollars and their serving, for a whole grid at once."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec, merged
from optimoe.core.arrays import Values
from optimoe.core.grid import broadcast, map_numbers, stacked, take
from optimoe.core.units import SECONDS_PER_HOUR
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.laws.domain import Standing
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.pricing import SHARED, PricedGrids, Trained
from optimoe.planner.problem.family import Family, family_of
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.traffic import LifetimeServing, Traffic

Column = Float[np.ndarray, " designs"]


@dataclass(frozen=True, kw_only=True)
class Columns(ABC):
    """Designs side by side with what a goal asks of them, whatever the training tokens.

    Attributes:
        problem: The question that the designs are to answer.
        params_active: Active parameters, both embeddings included.
        params_router: Of these, the weights of the routers.
        curve: Loss against distinct tokens; NaN where the law may rank none of the designs.
    """

    problem: Problem
    params_active: Column
    params_router: Column
    curve: TokenCurve

    @property
    @abstractmethod
    def mfu(self) -> Column:
        """Utilisation in training, of 6ND over the bf16 peak; NaN where no layout trains a design."""

    @property
    @abstractmethod
    def ranked(self) -> Bool[np.ndarray, " designs"]:
        """Whether the law may rank a design, for each design."""

    @property
    @abstractmethod
    def usd_per_mtok(self) -> Column:
        """Dollars per million output tokens of the cheapest deployment; infinite where none keeps the limits."""

    @property
    @abstractmethod
    def serve_usd(self) -> Column:
        """Dollars of serving over the model's life; infinite where no deployment keeps the limits."""

    @property
    def servable(self) -> Bool[np.ndarray, " designs"]:
        """Whether some deployment keeps all limits, for each design."""
        return np.isfinite(self.serve_usd)

    @property
    def possible(self) -> Bool[np.ndarray, " designs"]:
        """Whether some layout trains a servable design that the law may rank, for each design."""
        return self.servable & np.isfinite(self.mfu) & self.ranked

    def loss(self, tokens: Values) -> Values:
        """Nats per token after training on so many tokens, repeated ones at their worth."""
        return np.asarray(self.curve.loss(self.problem.data.worth(tokens)))

    def tokens(self, loss: Values) -> Values:
        """Training tokens that reach a loss; infinite where no number does."""
        return np.asarray(self.problem.data.tokens(self.curve.tokens(loss)))

    def train_usd(self, tokens: Column) -> Column:
        """Dollars of training on so many tokens."""
        return self.usd_per_train_token * tokens

    @property
    def usd_per_train_token(self) -> Column:
        """Dollars of training on one token; hours where all GPUs are owned."""
        hours = self.problem.training.gpu_s_per_token(self.params_active, self.mfu) / SECONDS_PER_HOUR
        return np.asarray(hours * self.problem.hour_usd(self.problem.training.price))

    @property
    def affordable_tokens(self) -> Column:
        """Tokens that the whole budget trains; NaN where nothing trains the design."""
        training = self.problem.training
        return np.asarray(training.affordable_tokens(self.params_active, self.mfu, self.params_router))


@dataclass(frozen=True, kw_only=True)
class Pool(Columns):
    """Designs of one family, all of them priced.

    Attributes:
        family: What the designs share.
        shapes: Widths and depths of the designs.
        grid: The designs.
        standing: Which of the designs the law may rank, and why not the others.
        training: How each is trained.
        servings: The best of each deployment of the problem, for every design.
        cheapest: Which deployment is the cheapest for each design.
    """

    family: Family
    shapes: Shapes
    grid: ArchSpec
    standing: Standing
    training: Trained
    servings: tuple[ServingEstimate, ...]
    cheapest: Int[np.ndarray, " designs"]

    def __repr__(self) -> str:
        """The family and how many of its designs can be served and trained, in one line."""
        experts = f"E={self.family.num_experts}, k={self.family.top_k}"
        possible = f"{self.servable.sum():,} can be served, {self.possible.sum():,} trained too"
        return f"Pool({experts}, {len(self.params_active):,} designs, {possible})"

    @property
    def mfu(self) -> Column:
        """Utilisation in training, of 6ND over the bf16 peak; NaN where no layout trains a design."""
        return self.training.mfu

    @property
    def servable(self) -> Bool[np.ndarray, " designs"]:
        """Whether some deployment keeps all limits, for each design."""
        return self._of_cheapest("tokens_per_s") > 0

    @property
    def ranked(self) -> Bool[np.ndarray, " designs"]:
        """Whether the law may rank a design, for each design."""
        return np.broadcast_to(self.standing.applicable, self.params_active.shape)

    @property
    def serve_usd(self) -> Column:
        """Dollars of serving over the model's life; infinite where no deployment keeps the limits."""
        return np.asarray(self.fleet.usd)

    @property
    def fleet(self) -> LifetimeServing:
        """The deployments of each design that carry the traffic, of its cheapest kind."""
        clusters = [deployment.cluster.num_gpus for deployment in self.problem.deployments]
        prices = [self.problem.hour_usd(deployment.price) for deployment in self.problem.deployments]
        return self.problem.traffic.served(
            tokens_per_s=self._of_cheapest("tokens_per_s"),
            num_gpus=np.array(clusters)[self.cheapest],
            usd_per_gpu_hour=np.array(prices)[self.cheapest],
        )

    @property
    def usd_per_mtok(self) -> Column:
        """Dollars per million output tokens of the cheapest deployment; infinite where none keeps the limits."""
        return self._of_cheapest("usd_per_mtok")

    def _of_cheapest(self, name: str) -> Column:
        rows = np.stack([np.asarray(getattr(serving, name), dtype=float) for serving in self.servings])
        return np.take_along_axis(rows, self.cheapest[None], axis=0)[0]


def under(pool: Pool, law: LossLaw) -> Pool:
    """Put the same designs under another law, which may not rank all of them."""
    return replace(
        pool,
        problem=replace(pool.problem, law=law),
        curve=curve_of(law, pool.grid, pool.params_active.shape),
        standing=law.judge(pool.grid),
    )


def curve_of(law: LossLaw, grid: ArchSpec, shape: tuple[int, ...]) -> TokenCurve:
    """The loss curves of a grid of designs, in one shape; NaN where the law may rank none of them."""
    if not np.any(law.judge(grid).applicable):
        return broadcast(TokenCurve(floor=np.nan, scale=np.nan, exponent=-1.0), shape)
    return broadcast(law.arch_curve(grid), shape)  # a law may give one number for all designs


def cheapest_of(problem: Problem, servings: Sequence[ServingEstimate]) -> Int[np.ndarray, " designs"]:
    """Which deployment carries the traffic for the fewest dollars, for each design.

    Among equal dollars for the fewest GPU hours, then the first that the problem names. Without traffic, that of
    the cheapest token.
    """
    traffic = problem.traffic if problem.lifetime_tokens else Traffic(lifetime_tokens=1.0)
    fleets = [
        traffic.served(
            tokens_per_s=serving.tokens_per_s,
            num_gpus=deployment.cluster.num_gpus,
            usd_per_gpu_hour=deployment.price.usd_per_gpu_hour,
        )
        for deployment, serving in zip(problem.deployments, servings, strict=True)
    ]
    hours, usd = (np.stack([getattr(fleet, name) for fleet in fleets]) for name in ("gpu_s", "usd"))
    return np.asarray(np.lexsort((hours, usd), axis=0)[0])


def evaluate(
    problem: Problem, members: Mapping[Family, Shapes], memory: PricedGrids = SHARED
) -> dict[Family, Pool]:
    """Price and judge designs of several families, those of one kind in one call.

    Args:
        problem: The question that the designs are to answer.
        members: The shapes of each family.
        memory: Grids that were priced before; new ones are added.
    """
    kinds: dict[Hashable, dict[Family, Shapes]] = {}
    for family, shapes in members.items():
        kinds.setdefault(family.build, {})[family] = shapes
    pools: dict[Family, Pool] = {}
    for kind in kinds.values():
        pools |= _evaluate_kind(problem, kind, memory)
    return {family: pools[family] for family in members}


def given_pools(problem: Problem, specs: Sequence[ArchSpec], memory: PricedGrids = SHARED) -> list[Pool]:
    """Price and judge models that are given: a pool of one for each; those of one build in one call."""
    alike = [replace(merged(spec), name="given", speculated="", max_context=0) for spec in specs]
    builds: dict[ArchSpec, list[int]] = {}
    for index, spec in enumerate(alike):
        builds.setdefault(map_numbers(spec, lambda _: 2), []).append(index)
    pools: dict[int, Pool] = {}
    for own in builds.values():
        grid = stacked([alike[index] for index in own])
        members = [(family_of(specs[index]), _shapes_of(specs[index])) for index in own]
        pools |= dict(zip(own, _pools(problem, _with_axis(grid, len(own)), members, memory), strict=True))
    return [pools[index] for index in range(len(specs))]


def _with_axis(grid: ArchSpec, length: int) -> ArchSpec:
    """The grid with widths and depths as arrays, even where all are equal."""
    layers = tuple(replace(group, num_layers=np.broadcast_to(group.num_layers, length)) for group in grid.layers)  # type: ignore[arg-type]
    return replace(grid, d_model=np.broadcast_to(grid.d_model, length), layers=layers)  # type: ignore[arg-type]


def _shapes_of(spec: ArchSpec) -> Shapes:
    return Shapes(d_model=np.array([spec.d_model]), num_layers=np.array([spec.num_layers]))


def _evaluate_kind(problem: Problem, members: Mapping[Family, Shapes], memory: PricedGrids) -> dict[Family, Pool]:
    pools = _pools(problem, problem.space.designs(members), list(members.items()), memory)
    return dict(zip(members, pools, strict=True))


def _pools(
    problem: Problem, grid: ArchSpec, members: Sequence[tuple[Family, Shapes]], memory: PricedGrids
) -> list[Pool]:
    """Pools of the designs of a grid, family by family."""
    training = memory.trained(problem, grid)
    servings = [memory.served(deployment, grid) for deployment in problem.deployments]
    cheapest = cheapest_of(problem, servings)
    params = count_params(grid)
    active = np.asarray(params.active, dtype=float)
    router = np.broadcast_to(np.asarray(params.router, dtype=float), active.shape)
    curve = curve_of(problem.law, grid, active.shape)
    pools, start = [], 0
    for family, shapes in members:
        here = slice(start, start + len(shapes.d_model))
        own = Pool(
            problem=problem,
            family=family,
            shapes=shapes,
            grid=grid.at(here),
            params_active=active[here],
            params_router=router[here],
            curve=take(curve, here),
            standing=problem.law.judge(grid.at(here)),
            training=training.at(here),
            servings=tuple(take(serving, here) for serving in servings),
            cheapest=cheapest[here],
        )
        pools.append(own)
        start = here.stop
    return pools
