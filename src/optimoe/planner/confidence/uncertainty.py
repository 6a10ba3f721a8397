"""The choice under draws of the law, and what learning more about the law is worth."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError, InputError
from optimoe.laws.catalog import find_loss_law, law_names
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.confidence.draws.asked import DrawnPlan, ask
from optimoe.planner.confidence.draws.contest import Chance, Contest, kept_promise
from optimoe.planner.confidence.draws.law import draws_or_certain
from optimoe.planner.confidence.sweep_value import Bought, SweepValue, told, value_of_sweep
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.result import Plan
from optimoe.planner.runs.proxies import ladder

WITHOUT_RUNS = "optimoe2026"
"""The law that plans are made with where none is stated."""

FAILED = 2.0
"""Cost of a design that misses the loss within the budget in a draw, over the choice's: another run (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How sure the choice is under draws of the law.

    In each draw every design is put under the plan's own goal: it reaches the loss that the draw gives the choice,
    within the budget, as cheaply as it can (or, where the lowest loss is the goal, spends what the limits allow).

    Attributes:
        draws: Number of draws.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
        mean_regret: What the best design of a draw would save on average, in ``unit``: no sweep of proxies that
            only settles the law can be worth more.
        worst_regret: The same in 95 % of the draws at most.
        unit: ``usd``, ``gpu_hours`` of owned GPUs, or ``nats``.
        loss_low, loss_high: 90 % of the choice's loss over the draws, what lies beyond the law's range included.
        sweep: What a sweep of proxies is worth before committing; none where the winner is its own proxy.
        bought: What the runs behind the plan's law have made surer; none of a law of the library.
        kept: Share of the draws in which the choice keeps what the goal asks of its loss; none of the lowest loss.
        beyond: Variables in which the choice lies beyond the law's range, and ``reading`` where the law is read by
            assumption: what makes draws wider than the law's own.
    """

    draws: int
    chances: tuple[Chance, ...]
    mean_regret: float
    worst_regret: float
    unit: str
    loss_low: float
    loss_high: float
    sweep: SweepValue | None
    bought: Bought | None = None
    kept: float | None = None
    beyond: tuple[str, ...] = ()


def uncertainty(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> Uncertainty:
    """Draw the law's coefficients and judge every design anew in each draw.

    Raises:
        InputError: The law's scatter or range is not stated, or its family cannot be fitted.
    """
    asked = ask(result, draws, memory)
    if asked.unknown:
        raise InputError(asked.unknown)
    return uncertainty_of(asked, asked.by_law())


def uncertainty_of(asked: DrawnPlan, contested: Contest) -> Uncertainty:
    """How sure a choice is that was judged under every draw of its law."""
    choice, own, regret = asked.result.choice, contested.own_loss, contested.own_regret
    kept = kept_promise(asked.result, contested)
    beyond = [symbol for symbol, decades in choice.decades_beyond.items() if decades > 0]
    beyond += ["reading"] if choice.assumed else []
    return Uncertainty(
        draws=contested.draws,
        chances=_not_sure(contested) if beyond else contested.chances(),
        mean_regret=float(regret.mean()),
        worst_regret=float(np.quantile(regret, 0.95)),
        unit=contested.unit,
        loss_low=float(np.quantile(own, 0.05)),
        loss_high=float(np.quantile(own, 0.95)),
        sweep=_sweep(asked, contested),
        bought=_bought(asked, own),
        kept=None if kept is None else float(kept.mean()),
        beyond=tuple(beyond),
    )


def _not_sure(contested: Contest) -> tuple[Chance, ...]:
    """Shares of the draws of a law beyond its domain: what is the best in all of them is so in n of n + 1.

    Draws know no error but those that were seen: a hundred per cent would claim that there is no other.
    """
    most = contested.draws / (contested.draws + 1)
    return tuple(replace(one, probability=min(one.probability, most)) for one in contested.chances())


def _losses(many: LossLaw, spec: ArchSpec, tokens: float) -> Float[np.ndarray, "draws 1"]:
    """A design's loss in each draw."""
    return np.asarray(many.arch_curve(spec).loss(tokens)).reshape(-1, 1)


def _sweep(asked: DrawnPlan, contested: Contest) -> SweepValue | None:
    """The worth of the ladder of proxies that comes with the winner, the law anchored on them."""
    choice, problem, scatter = asked.result.choice, asked.result.problem, asked.law.law.row.rmse_log
    if not scatter:  # draws without a scatter: nothing says what a sweep would see
        return None
    try:
        runs = ladder(choice, problem.space)
    except InfeasibleError:
        return None
    many = asked.law.of_corpora()
    # a run whose loss the law does not know tells nothing about the law
    known = [run for run in runs if many.judge(run.spec).applicable]
    if not known:
        return None
    after = told(np.log(np.hstack([_losses(many, run.spec, run.tokens) for run in known])), scatter)
    own = np.log(_losses(many, choice.spec, problem.data.worth(choice.tokens)))
    flops, levels = sum(run.train_flops for run in runs), asked.law.knows_corpora
    return SweepValue(
        num_runs=len(runs),
        usd=choice.train_usd * flops / choice.training.flops if problem.training.price.usd_per_gpu_s else 0.0,
        worth=value_of_sweep(_costs(contested), after),
        level_before=float(own.std()) if levels else float("nan"),
        level_after=float(np.sqrt(np.mean((own - after.expected(own)) ** 2))) if levels else float("nan"),
    )


def _bought(asked: DrawnPlan, own: Float[np.ndarray, " draws"]) -> Bought | None:
    """How sure the choice's loss would be without the runs of one's own, by the law that they have moved.

    A law that was fitted to runs alone stands beside the one that plans are made with where none is stated.
    """
    row, choice = asked.law.law.row, asked.result.choice
    evidence = row.evidence
    if not evidence.runs or row.name in law_names():
        return None
    name = evidence.prior or WITHOUT_RUNS
    if name not in law_names():  # a file that may be gone
        return None
    law = find_loss_law(name)
    if not law.judge(choice.spec).applicable:
        return None
    drawn = draws_or_certain(law, asked.law.draws)
    tokens = np.array([asked.result.problem.data.worth(choice.tokens)])
    expansion = choice.params.total / choice.params.active
    curve = replace(drawn, many=drawn.of_corpora()).curve(choice.spec, tokens, expansion)
    return Bought(
        num_runs=evidence.runs,
        law=name,
        level_before=float(np.log(curve.loss(tokens)).std()),
        level_after=float(np.log(own).std()),
    )


def _costs(contested: Contest) -> Float[np.ndarray, "decisions draws"]:
    """What each design that is the best in some draw costs in every draw, and what the choice does."""
    last = contested.objective.shape[1] - 1
    decisions = np.unique(np.concatenate([contested.winners, [last]]))
    costs = contested.objective[:, decisions].T
    return np.where(np.isfinite(costs), costs, FAILED * contested.objective[:, -1])
