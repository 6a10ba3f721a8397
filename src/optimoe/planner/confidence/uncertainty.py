"""The choice under draws of the law's coefficients, and what learning more about the law is worth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.confidence.sweep_value import SweepValue, value_of_sweep
from optimoe.planner.designs import curve_of
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.training import BUDGET_TOLERANCE
from optimoe.planner.result import Plan
from optimoe.planner.runs.proxies import ladder
from optimoe.planner.search.objective import dollars_of, judged
from optimoe.planner.search.pools import first_pools

FAILED = 2.0
"""Cost of a family that misses the loss within the budget in a draw, over the choice's: another run (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How often one number of experts is the best.

    Attributes:
        family: The family with it that is the best in most draws.
        probability: Share of the draws in which it, or another with as many experts, is the best.
    """

    family: Family
    probability: float


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How sure the choice is under draws of the law.

    In each draw every design is put under the plan's own goal: it reaches the loss that the draw gives the choice,
    within the budget, as cheaply as it can (or, where the lowest loss is the goal, spends what the limits allow).

    Attributes:
        draws: Number of draws.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
        mean_regret: What the best family of a draw would save on average, in ``unit``: no sweep of proxies that
            only settles the law can be worth more.
        worst_regret: The same in 95 % of the draws at most.
        unit: ``usd``, ``gpu_hours`` of owned GPUs, or ``nats``.
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
    families, best = [], []
    for family, pool in first_pools(problem, memory).items():
        families.append(family)
        drawn = replace(pool, curve=curve_of(many, pool.grid, (draws, len(pool.params_active))))
        best.append(judged(drawn, goal_of_draws(result, own), dollars_of(pool))[1].min(axis=1))
    gap = float(problem.law.reading_gap(choice.spec, problem.data.worth(choice.tokens)))
    by_loss = isinstance(problem.goal, LowestLoss)
    today = own[:, 0] if by_loss else np.full(draws, paid(result))
    place = families.index(choice.family)
    best[place] = np.minimum(best[place], today)
    rows = np.array(best)
    regret = today - rows.min(axis=0)
    return Uncertainty(
        draws=draws,
        chances=chances_of(families, rows.argmin(axis=0)),
        mean_regret=float(regret.mean()),
        worst_regret=float(np.quantile(regret, 0.95)),
        unit="nats" if by_loss else "gpu_hours" if problem.owned else "usd",
        loss_low=float(np.quantile(own, 0.05)) - gap,
        loss_high=float(np.quantile(own, 0.95)) + gap,
        sweep=_sweep(result, many, np.where(np.isfinite(rows), rows, FAILED * today)),
    )


def goal_of_draws(result: Plan, own: Float[np.ndarray, "draws 1"]) -> LowestLoss | LeastCost:
    """The plan's goal as the draws ask it: what the choice gives in a draw, others must give too.

    The lowest loss keeps its limits of dollars. The least dollars are those at the loss that the draw gives the
    choice: its training is committed and paid for before anybody knows which draw is true. (Against the lowest
    loss of each draw, or a stated one, half of the draws would put a choice that uses its whole budget a hair
    beyond it, and count a new plan where nothing is to be saved.)

    Args:
        result: The plan.
        own: Loss of the choice in each draw.
    """
    goal = result.problem.goal
    if isinstance(goal, LowestLoss):
        return goal
    return LeastCost(max_loss=own * (1 + BUDGET_TOLERANCE), count=goal.count)


def paid(result: Plan) -> float:
    """Dollars of the choice, of those that the goal counts; of owned GPUs their hours."""
    goal, choice = result.problem.goal, result.choice
    whole = not isinstance(goal, LeastCost | NearBest) or goal.count == "total"
    if result.problem.owned:
        return choice.serve_gpu_hours + (choice.training.gpu_hours if whole else 0.0)
    return choice.total_usd if whole else choice.serve_usd


def chances_of(families: Sequence[Family], winners: Int[np.ndarray, " draws"]) -> tuple[Chance, ...]:
    """How often each number of experts is the best, the likeliest first, with the family that most often is.

    Args:
        families: The families that were drawn.
        winners: Which of them is the best in each draw.
    """
    counted = Counter(families[int(winner)] for winner in winners)
    shares: dict[int, int] = {}
    for family, count in counted.items():
        shares[family.num_experts] = shares.get(family.num_experts, 0) + count
    ordered = sorted(shares.items(), key=lambda share: -share[1])
    return tuple(
        Chance(
            family=max((one for one in counted if one.num_experts == experts), key=lambda one: counted[one]),
            probability=count / len(winners),
        )
        for experts, count in ordered
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
