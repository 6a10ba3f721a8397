"""The choice under draws of the law's coefficients, and what learning more about the law is worth."""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.confidence.sweep_value import SweepValue, value_of_sweep
from optimoe.planner.designs import Column, Pool, curve_of
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.result import Plan
from optimoe.planner.runs.proxies import ladder
from optimoe.planner.search import first_pools

FAILED = 2.0
"""Cost of a family that misses the loss within the budget in a draw, over the choice's: another run (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How often one family is the best under draws of the law.

    Attributes:
        family: The family.
        probability: Share of the draws in which it is the best.
    """

    family: Family
    probability: float


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How sure the choice is under draws of the law.

    In each draw every family reaches the loss that the draw gives the choice, within the budget, as cheaply as it
    can (or, where the lowest loss is the goal, spends the budget).

    Attributes:
        draws: Number of draws.
        chances: Families that are the best in some draw, the likeliest first.
        mean_regret: What the best family of a draw would save on average, in ``unit``: no sweep of proxies that
            only settles the law can be worth more.
        worst_regret: The same in 95 % of the draws at most.
        unit: ``usd`` or ``nats``.
        loss_low, loss_high: 90 % of the choice's loss over the draws, wider by what a mapping of its law moves it.
        sweep: What a sweep of proxies is worth before committing; none where the winner is its own proxy.
    """

    draws: int
    chances: tuple[Chance, ...]
    mean_regret: float
    worst_regret: float
    unit: str
    loss_low: float
    loss_high: float
    sweep: SweepValue | None


@cache
def _draws(law: LossLaw, draws: int) -> LossLaw:
    return law_draws(law, draws)


def uncertainty(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> Uncertainty:
    """Draw the law's coefficients and choose anew in each draw, each family on its first grid of shapes.

    Raises:
        InputError: The law's scatter or range is not stated, or its family cannot be fitted.
    """
    problem, choice = result.problem, result.choice
    many = _draws(problem.law, draws)
    own = _losses(many, choice.spec, problem.data.worth(choice.tokens))
    by_loss = isinstance(problem.goal, LowestLoss)
    families, best = [], []
    for family, pool in first_pools(problem, memory).items():
        families.append(family)
        curve = curve_of(many, pool.grid, (draws, len(pool.params_active)))
        best.append(_objectives(pool, curve, own, by_loss).min(axis=1))
    gap = float(problem.law.reading_gap(choice.spec, problem.data.worth(choice.tokens)))
    today = own[:, 0] if by_loss else np.full(draws, choice.total_usd)
    best[families.index(choice.family)] = np.minimum(best[families.index(choice.family)], today)
    rows = np.array(best)
    regret = today - rows.min(axis=0)
    counted = Counter(families[int(winner)] for winner in rows.argmin(axis=0))
    return Uncertainty(
        draws=draws,
        chances=tuple(Chance(family=family, probability=count / draws) for family, count in counted.most_common()),
        mean_regret=float(regret.mean()),
        worst_regret=float(np.quantile(regret, 0.95)),
        unit="nats" if by_loss else "usd",
        loss_low=float(np.quantile(own, 0.05)) - gap,
        loss_high=float(np.quantile(own, 0.95)) + gap,
        sweep=_sweep(result, many, np.where(np.isfinite(rows), rows, FAILED * today)),
    )


def _losses(many: LossLaw, spec: ArchSpec, tokens: float) -> np.ndarray:
    """A design's loss in each draw, (draws, 1)."""
    return np.asarray(many.arch_curve(spec).loss(tokens)).reshape(-1, 1)


def _sweep(result: Plan, many: LossLaw, costs: np.ndarray) -> SweepValue | None:
    """The worth of the ladder of proxies that comes with the winner."""
    choice, training = result.choice, result.problem.training
    if not many.row.rmse_log:  # draws without a scatter: nothing says what a sweep would see
        return None
    try:
        runs = ladder(choice, result.problem.space)
    except InfeasibleError:
        return None
    # a run whose loss the law does not know tells nothing about the law
    told = [run for run in runs if many.judge(run.spec).applicable]
    if not told:
        return None
    seen = np.log(np.hstack([_losses(many, run.spec, run.tokens) for run in told]))
    flops = sum(run.train_flops for run in runs)
    return SweepValue(
        num_runs=len(runs),
        usd=choice.train_usd * flops / choice.training.flops if training.price.usd_per_gpu_s else 0.0,
        worth=value_of_sweep(costs, seen, many.row.rmse_log),
    )


def _objectives(pool: Pool, curve: TokenCurve, own: np.ndarray, by_loss: bool) -> np.ndarray:
    """What each design is judged by in each draw, (draws, designs); infinite where it is not feasible."""
    data, affordable = pool.problem.data, pool.affordable_tokens
    if by_loss:
        tokens: Column = np.maximum(affordable, 1.0)
        return np.where(pool.possible, curve.loss(data.worth(tokens)), np.inf)
    needed = np.asarray(data.tokens(curve.tokens(own)))
    feasible = pool.possible & np.isfinite(needed) & (needed <= affordable * (1 + 1e-6))
    return np.where(feasible, pool.usd_per_train_token * np.where(feasible, needed, 0.0) + pool.serve_usd, np.inf)
