"""Designs with their loss, their dollars and their serving, for a whole grid at once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec, describe
from optimoe.core.records import to_record
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.layers.layout import layout_record
from optimoe.cost.serving.estimate import ServingEstimate, tpot_band
from optimoe.cost.sizing.layouts import part_of
from optimoe.laws.loss_law import TokenCurve
from optimoe.planner.pricing import Trained, served, trained
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Shapes

Column = Float[np.ndarray, " designs"]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Designs of one family, with everything that does not depend on the training tokens.

    Attributes:
        problem: The question.
        family: What they share.
        shapes: Their widths and depths.
        grid: The designs.
        params_active: With both embeddings.
        curve: Loss against distinct tokens.
        training: How each is trained.
        servings: The best of each deployment of the problem, for every design.
        cheapest: Which deployment is the cheapest for each design.
    """

    problem: Problem
    family: Family
    shapes: Shapes
    grid: ArchSpec
    params_active: Column
    curve: TokenCurve
    training: Trained
    servings: tuple[ServingEstimate, ...]
    cheapest: Int[np.ndarray, " designs"]

    @property
    def servable(self) -> Bool[np.ndarray, " designs"]:
        """Whether a deployment keeps all limits."""
        return self._of_cheapest("tokens_per_s") > 0

    @property
    def possible(self) -> Bool[np.ndarray, " designs"]:
        """Whether besides some layout trains it."""
        return self.servable & np.isfinite(self.training.mfu)

    @property
    def serve_usd(self) -> Column:
        """Dollars of the lifetime's tokens; infinite where no deployment keeps the limits."""
        usd = np.where(self.servable, self.usd_per_mtok, 0.0) * self.problem.lifetime_tokens / TOKENS_PER_MTOK
        return np.where(self.servable, usd, np.inf)

    @property
    def usd_per_mtok(self) -> Column:
        """Dollars per million output tokens of the cheapest deployment; infinite where none keeps the limits."""
        return self._of_cheapest("usd_per_mtok")

    def loss(self, tokens: Column) -> Column:
        """Nats per token after so many tokens, repeated ones at their worth."""
        return np.asarray(self.curve.loss(self.problem.data.worth(tokens)))

    def tokens(self, loss: float) -> Column:
        """Tokens that reach a loss; infinite where none do."""
        return np.asarray(self.problem.data.tokens(self.curve.tokens(loss)))

    def _of_cheapest(self, name: str) -> Column:
        rows = np.stack([np.asarray(getattr(serving, name), dtype=float) for serving in self.servings])
        return np.take_along_axis(rows, self.cheapest[None], axis=0)[0]

    def train_usd(self, tokens: Column) -> Column:
        """Dollars of training on so many tokens."""
        return self.usd_per_train_token * tokens

    @property
    def usd_per_train_token(self) -> Column:
        """Dollars of training on one token."""
        return np.asarray(self.problem.training.usd_per_token(self.params_active, self.training.mfu))

    @property
    def affordable_tokens(self) -> Column:
        """Tokens that the whole budget trains; NaN where nothing trains the design."""
        return np.asarray(self.problem.training.affordable_tokens(self.params_active, self.training.mfu))


def evaluate(problem: Problem, members: Mapping[Family, Shapes]) -> dict[Family, Pool]:
    """Price and judge designs of several families, those of one kind in one call."""
    kinds: dict[tuple[bool, str], dict[Family, Shapes]] = {}
    for family, shapes in members.items():
        kinds.setdefault((family.dense, family.attention), {})[family] = shapes
    pools: dict[Family, Pool] = {}
    for kind in kinds.values():
        pools |= _evaluate_kind(problem, kind)
    return {family: pools[family] for family in members}


def _evaluate_kind(problem: Problem, members: Mapping[Family, Shapes]) -> dict[Family, Pool]:
    grid = problem.space.designs(members)
    how = trained(problem.training, problem.space, members, grid)
    servings = [served(deployment, problem.space, members, grid) for deployment in problem.deployments]
    cheapest = np.argmin([np.asarray(serving.usd_per_mtok) for serving in servings], axis=0)
    active, curve = np.asarray(count_params(grid).active, dtype=float), problem.law.arch_curve(grid)
    pools, start = {}, 0
    for family, shapes in members.items():
        here = slice(start, start + len(shapes.d_model))
        pools[family] = Pool(
            problem=problem,
            family=family,
            shapes=shapes,
            grid=grid.at(here),
            params_active=active[here],
            curve=_part(curve, here, len(active)),
            training=_part_of_trained(how, here),
            servings=tuple(part_of(serving, here) for serving in servings),
            cheapest=cheapest[here],
        )
        start = here.stop
    return pools


def _part(curve: TokenCurve, here: slice, size: int) -> TokenCurve:
    parts = {field.name: np.broadcast_to(getattr(curve, field.name), size)[here] for field in fields(curve)}
    return TokenCurve(**parts)


def _part_of_trained(how: Trained, here: slice) -> Trained:
    grid = how.grid and replace(
        how.grid,
        **{name: getattr(how.grid, name)[here] for name in ("choice", "step_s", "mfu", "tokens_per_s", "fits")},
    )
    return Trained(mfu=how.mfu[here], grid=grid)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One design with its numbers.

    Attributes:
        arch: Its shape, flat (``optimoe.arch.spec.describe``), with its parameters.
        spec: The full description.
        family: What it shares with its neighbours.
        tokens: Training tokens; ``passes`` over the data at hand, where that is limited.
        loss, loss_low, loss_high: Nats per token, with the law's band; NaN bounds when it has none.
        train_flops: 6·N_act·D.
        mfu, train_gpu_hours: Utilisation (6ND over the bf16 peak) and GPU time of training.
        train_layout: Its degrees of parallelism where the cluster is known; else empty.
        train_usd, serve_usd, total_usd: Dollars of training, of the lifetime's tokens, and of both.
        usd_per_mtok: Dollars per million output tokens.
        ttft_s, tpot_s: Latency; ``tpot_low_s``, ``tpot_high_s`` the measured error band of the cost model.
        tokens_per_s: Output tokens of one deployment.
        concurrency, max_batch: Requests in flight, and the most that fit.
        gpu, num_gpus, precision, kv_precision: The deployment.
        layout: Degrees of parallelism.
        bound_by: What takes the largest share of TPOT; ``parts`` the seconds by cause.
        serve_gpu_hours: GPU hours of the lifetime's tokens.
        decades_beyond: How far outside the law's fitted range, |log10| by symbol.
    """

    arch: dict[str, Any]
    spec: ArchSpec
    family: Family
    tokens: float
    passes: float
    loss: float
    loss_low: float
    loss_high: float
    train_flops: float
    mfu: float
    train_gpu_hours: float
    train_layout: dict[str, Any]
    train_usd: float
    serve_usd: float
    total_usd: float
    usd_per_mtok: float
    ttft_s: float
    tpot_s: float
    tpot_low_s: float
    tpot_high_s: float
    tokens_per_s: float
    concurrency: float
    max_batch: float
    gpu: str
    num_gpus: int
    precision: str
    kv_precision: str
    layout: dict[str, float]
    bound_by: str
    parts: dict[str, float]
    serve_gpu_hours: float
    decades_beyond: dict[str, float]


def make_candidate(pool: Pool, index: int, tokens: float) -> Candidate:
    """The numbers of one design of a pool, evaluated by the same code as the grid."""
    problem = pool.problem
    spec = pool.grid.at(index)
    cheapest = int(pool.cheapest[index])
    deployment, serving = problem.deployments[cheapest], part_of(pool.servings[cheapest], index)
    params = count_params(spec)
    loss = float(problem.law.arch_curve(spec).loss(problem.data.worth(tokens)))
    low, high = problem.law.band(loss, spec, tokens)
    train_flops = problem.training.flops(params.active, tokens)
    mfu, grid = float(pool.training.mfu[index]), pool.training.grid
    train_gpu_s = float(problem.training.gpu_s_per_token(params.active, mfu)) * tokens
    train_usd = train_gpu_s * problem.training.price.usd_per_gpu_s
    serve_usd = serving.usd_per_mtok * problem.lifetime_tokens / TOKENS_PER_MTOK
    gpu_s = deployment.cluster.num_gpus * problem.lifetime_tokens / serving.tokens_per_s
    tpot_low_s, tpot_high_s = tpot_band(serving.tpot_s)
    return Candidate(
        arch=describe(spec) | {"params_total": params.total, "params_active": params.active},
        spec=spec,
        family=pool.family,
        tokens=tokens,
        passes=tokens / problem.data.unique_tokens,
        loss=loss,
        loss_low=float(low),
        loss_high=float(high),
        train_flops=train_flops,
        mfu=mfu,
        train_gpu_hours=train_gpu_s / SECONDS_PER_HOUR,
        train_layout=to_record(grid.layouts.at(int(grid.choice[index]))) if grid else {},
        train_usd=train_usd,
        serve_usd=serve_usd,
        total_usd=train_usd + serve_usd,
        usd_per_mtok=serving.usd_per_mtok,
        ttft_s=serving.ttft_s,
        tpot_s=serving.tpot_s,
        tpot_low_s=tpot_low_s,
        tpot_high_s=tpot_high_s,
        tokens_per_s=serving.tokens_per_s,
        concurrency=serving.concurrency,
        max_batch=serving.max_batch,
        gpu=deployment.cluster.accelerator.name,
        num_gpus=deployment.cluster.num_gpus,
        precision=deployment.engine.precision,
        kv_precision=deployment.engine.kv_precision,
        layout=layout_record(serving.layout),
        bound_by=serving.bound_by,
        parts=dict(serving.parts),
        serve_gpu_hours=gpu_s / SECONDS_PER_HOUR,
        decades_beyond={
            symbol: float(decades) for symbol, decades in problem.law.decades_beyond(spec, tokens).items()
        },
    )
