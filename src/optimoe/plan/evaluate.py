"""Designs with their loss, their dollars and their serving, for a whole grid at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec, describe
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.layout import layout_record
from optimoe.cost.search import cheapest_serving
from optimoe.cost.serving import ServingEstimate, tpot_band
from optimoe.laws.base import TokenCurve
from optimoe.plan.problem import Problem

Column = Float[np.ndarray, " designs"]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Designs of one expert count, with everything that does not depend on the training tokens.

    Attributes:
        problem: The question.
        num_experts: E; 1 is dense.
        grid: The designs.
        params_active: With both embeddings.
        curve: Loss against tokens.
        serving: The cheapest deployment of each design.
    """

    problem: Problem
    num_experts: int
    grid: ArchSpec
    params_active: Column
    curve: TokenCurve
    serving: ServingEstimate

    @property
    def servable(self) -> Bool[np.ndarray, " designs"]:
        """Whether a deployment keeps all limits."""
        return np.asarray(self.serving.tokens_per_s) > 0

    @property
    def serve_usd(self) -> Column:
        """Dollars of the lifetime's tokens; infinite where no deployment keeps the limits."""
        usd_per_mtok = np.where(self.servable, self.serving.usd_per_mtok, 0.0)
        return np.where(self.servable, usd_per_mtok * self.problem.lifetime_tokens / TOKENS_PER_MTOK, np.inf)

    def train_usd(self, tokens: Column) -> Column:
        """Dollars of training on so many tokens."""
        return self.usd_per_train_token * tokens

    @property
    def usd_per_train_token(self) -> Column:
        """Dollars of training on one token."""
        training = self.problem.training
        return training.flops(self.params_active, 1.0) * training.usd_per_flop


def evaluate(problem: Problem, num_experts: int, grid: ArchSpec) -> Pool:
    """Price and judge a grid of designs."""
    return Pool(
        problem=problem,
        num_experts=num_experts,
        grid=grid,
        params_active=np.asarray(count_params(grid).active, dtype=float),
        curve=problem.law.arch_curve(grid),
        serving=cheapest_serving(grid, problem.deployment),
    )


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One design with its numbers.

    Attributes:
        arch: Its shape, flat (``optimoe.arch.spec.describe``), with its parameters.
        spec: The full description.
        tokens: Training tokens.
        loss, loss_low, loss_high: Nats per token, with the law's band; NaN bounds when it has none.
        train_flops: 6·N_act·D.
        train_usd, serve_usd, total_usd: Dollars of training, of the lifetime's tokens, and of both.
        usd_per_mtok: Dollars per million output tokens.
        ttft_s, tpot_s: Latency; ``tpot_low_s``, ``tpot_high_s`` the measured error band of the cost model.
        tokens_per_s: Output tokens of one deployment.
        concurrency, max_batch: Requests in flight, and the most that fit.
        layout: Degrees of parallelism.
        bound_by: What takes the largest share of TPOT; ``parts`` the seconds by cause.
        serve_gpu_hours: GPU hours of the lifetime's tokens.
        decades_beyond: How far outside the law's fitted range, |log10| by symbol.
    """

    arch: dict[str, Any]
    spec: ArchSpec
    tokens: float
    loss: float
    loss_low: float
    loss_high: float
    train_flops: float
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
    layout: dict[str, float]
    bound_by: str
    parts: dict[str, float]
    serve_gpu_hours: float
    decades_beyond: dict[str, float]


def make_candidate(pool: Pool, index: int, tokens: float) -> Candidate:
    """The numbers of one design of a pool, evaluated by the same code as the grid."""
    problem = pool.problem
    spec = pool.grid.at(index)
    serving = cheapest_serving(spec, problem.deployment)
    params = count_params(spec)
    loss = float(pool.problem.law.arch_curve(spec).loss(tokens))
    low, high = problem.law.band(loss, spec, tokens)
    train_flops = problem.training.flops(params.active, tokens)
    train_usd = train_flops * problem.training.usd_per_flop
    serve_usd = serving.usd_per_mtok * problem.lifetime_tokens / TOKENS_PER_MTOK
    gpu_s = problem.deployment.cluster.num_gpus * problem.lifetime_tokens / serving.tokens_per_s
    tpot_low_s, tpot_high_s = tpot_band(serving.tpot_s)
    return Candidate(
        arch=describe(spec) | {"params_total": params.total, "params_active": params.active},
        spec=spec,
        tokens=tokens,
        loss=loss,
        loss_low=float(low),
        loss_high=float(high),
        train_flops=train_flops,
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
        layout=layout_record(serving.layout),
        bound_by=serving.bound_by,
        parts=dict(serving.parts),
        serve_gpu_hours=gpu_s / SECONDS_PER_HOUR,
        decades_beyond={
            symbol: float(decades) for symbol, decades in problem.law.decades_beyond(spec, tokens).items()
        },
    )
