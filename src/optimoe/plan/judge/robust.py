"""How sure a decision is: draws of the law's coefficients, and what each input would change."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from optimoe.core.errors import InfeasibleError, InputError
from optimoe.core.records import to_record
from optimoe.cost.hardware.price import GpuPrice
from optimoe.laws.base import LossLaw, TokenCurve
from optimoe.laws.fitting.draws import law_draws
from optimoe.plan.evaluate import Candidate, Column, Pool
from optimoe.plan.question.family import Family
from optimoe.plan.question.goal import LowestLoss
from optimoe.plan.question.problem import Problem
from optimoe.plan.result import Plan
from optimoe.plan.solve import coarse_pools, plan, usable_laws

FACTORS = {"demand": (0.5, 2.0), "price": (0.7, 1.4), "MFU": (0.75, 1.25), "TPOT limit": (0.7, 1.5)}
"""Where an input may lie besides where it was stated, as factors; prices by their providers' range if wider."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """One family under draws of the law.

    Attributes:
        family: Which.
        probability: Share of the draws in which it is the best.
    """

    family: Family
    probability: float


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """The choice under draws of the law.

    In each draw every family reaches the loss that the draw gives the choice, within the budget, as cheaply as it
    can (or, where the lowest loss is the goal, spends the budget).

    Attributes:
        draws: How many.
        chances: Families that are the best in some draw, the likeliest first.
        mean_regret: What the best family of a draw would save on average, in ``unit``: no sweep of proxies that
            only settles the law can be worth more.
        worst_regret: The same in 95 % of the draws at most.
        unit: ``usd`` or ``nats``.
        loss_low, loss_high: 90 % of the choice's loss over the draws.
    """

    draws: int
    chances: tuple[Chance, ...]
    mean_regret: float
    worst_regret: float
    unit: str
    loss_low: float
    loss_high: float


@dataclass(frozen=True, kw_only=True)
class Swing:
    """What one input would change, the others as stated.

    Attributes:
        name: The input.
        ends: What it was moved to, in words.
        choices: What is chosen there; none where nothing is feasible.
    """

    name: str
    ends: tuple[str, ...]
    choices: tuple[Candidate | None, ...]

    def changes(self, choice: Candidate) -> bool:
        """Whether some end chooses another family."""
        return any(one is None or one.family != choice.family for one in self.choices)

    def span(self, choice: Candidate) -> float:
        """Largest change of the total dollars, as a share of today's."""
        if not choice.total_usd:
            return 0.0
        moved = [abs(one.total_usd / choice.total_usd - 1) for one in self.choices if one is not None]
        return max(moved, default=math.inf)


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """How sure a plan's choice is.

    Attributes:
        uncertainty: Under draws of the law; none where it cannot be drawn, and ``unknown`` says why.
        unknown: The reason, or nothing.
        swings: What each input would change.
    """

    uncertainty: Uncertainty | None
    unknown: str
    swings: tuple[Swing, ...]


def assess(result: Plan, draws: int = 200) -> Robustness:
    """Both views of a plan's choice."""
    try:
        found, unknown = uncertainty(result, draws), ""
    except InputError as error:
        found, unknown = None, str(error)
    return Robustness(uncertainty=found, unknown=unknown, swings=swings(result))


def robustness_record(robustness: Robustness, choice: Candidate) -> dict[str, Any]:
    """As plain JSON values: designs by family and dollars."""

    def end(words: str, one: Candidate | None) -> dict[str, Any]:
        if one is None:
            return {"at": words, "feasible": False}
        return {"at": words, "family": to_record(one.family), "total_usd": one.total_usd, "loss": one.loss}

    return {
        "uncertainty": to_record(robustness.uncertainty),
        "unknown": robustness.unknown,
        "swings": [
            {
                "input": swing.name,
                "changes_the_choice": swing.changes(choice),
                "ends": [end(words, one) for words, one in zip(swing.ends, swing.choices, strict=True)],
            }
            for swing in robustness.swings
        ],
    }


@cache
def _draws(law: LossLaw, draws: int) -> LossLaw:
    return law_draws(law, draws)


def uncertainty(result: Plan, draws: int = 200) -> Uncertainty:
    """The choice under draws of its law's coefficients; each family on the coarse grid of shapes.

    Raises:
        InputError: The law's scatter or range is not stated, or its family cannot be fitted.
    """
    problem, choice = result.problem, result.choice
    many = _draws(problem.law, draws)
    own = np.asarray(many.arch_curve(choice.spec).loss(problem.data.worth(choice.tokens))).reshape(-1, 1)
    by_loss = isinstance(problem.goal, LowestLoss)
    families, best = [], []
    for family, pool in coarse_pools(problem).items():
        families.append(family)
        best.append(_objectives(pool, _wide(many.arch_curve(pool.grid), draws), own, by_loss).min(axis=1))
    today = own[:, 0] if by_loss else np.full(draws, choice.total_usd)
    best[families.index(choice.family)] = np.minimum(best[families.index(choice.family)], today)
    rows = np.array(best)
    regret = today - rows.min(axis=0)
    counted = Counter(families[int(winner)] for winner in rows.argmin(axis=0))
    return Uncertainty(
        draws=draws,
        chances=tuple(Chance(family=one, probability=count / draws) for one, count in counted.most_common()),
        mean_regret=float(regret.mean()),
        worst_regret=float(np.quantile(regret, 0.95)),
        unit="nats" if by_loss else "usd",
        loss_low=float(np.quantile(own, 0.05)),
        loss_high=float(np.quantile(own, 0.95)),
    )


def _wide(curve: TokenCurve, draws: int) -> TokenCurve:
    """A curve with an axis of draws, whether or not every part of it was drawn."""
    parts = {field.name: np.atleast_2d(getattr(curve, field.name)) for field in fields(curve)}
    shape = (draws, max(np.shape(part)[1] for part in parts.values()))
    return TokenCurve(**{name: np.broadcast_to(part, shape) for name, part in parts.items()})


def _objectives(pool: Pool, curve: TokenCurve, own: np.ndarray, by_loss: bool) -> np.ndarray:
    """What each design is judged by in each draw, (draws, designs); infinite where it is not feasible."""
    data, affordable = pool.problem.data, pool.affordable_tokens
    if by_loss:
        tokens: Column = np.maximum(affordable, 1.0)
        return np.where(pool.possible, curve.loss(data.worth(tokens)), np.inf)
    needed = np.asarray(data.tokens(curve.tokens(own)))
    feasible = pool.possible & np.isfinite(needed) & (needed <= affordable * (1 + 1e-6))
    return np.where(feasible, pool.usd_per_train_token * np.where(feasible, needed, 0.0) + pool.serve_usd, np.inf)


def swings(result: Plan) -> tuple[Swing, ...]:
    """Re-plan with one input at a time at the ends of its range, the widest swing first; and with other laws."""
    found = [_swing(name, moved) for name, moved in _moves(result.problem)]
    laws = [law for law in usable_laws() if law.row.name != result.problem.law.row.name]
    routed = [law for law in laws if not law.concerns(result.choice.spec)]
    if routed:
        moved = [(law.row.name, replace(result.problem, law=law)) for law in routed]
        found.append(_swing("law", moved))
    return tuple(sorted(found, key=lambda swing: -swing.span(result.choice)))


def _swing(name: str, moved: Iterable[tuple[str, Problem]]) -> Swing:
    ends: list[str] = []
    choices: list[Candidate | None] = []
    for words, problem in moved:
        ends.append(words)
        try:
            choices.append(plan(problem).choice)
        except (InfeasibleError, InputError):
            choices.append(None)
    return Swing(name=name, ends=tuple(ends), choices=tuple(choices))


def _moves(problem: Problem) -> Iterator[tuple[str, list[tuple[str, Problem]]]]:
    """Each input with the problems at the ends of its range."""
    training, served = problem.training, problem.deployments

    def at(name: str, change: Callable[[float], Problem]) -> tuple[str, list[tuple[str, Problem]]]:
        return name, [
            (f"× {factor:g}", change(factor))
            for factor in FACTORS[name.removeprefix("serving ").removeprefix("training ")]
        ]

    if problem.lifetime_tokens:
        yield at("demand", lambda f: replace(problem, lifetime_tokens=f * problem.lifetime_tokens))
        yield at(
            "serving price",
            lambda f: replace(
                problem, deployments=tuple(replace(one, price=_priced(one.price, f)) for one in served)
            ),
        )
    yield at(
        "training price", lambda f: replace(problem, training=replace(training, price=_priced(training.price, f)))
    )
    yield at(
        "MFU",
        lambda f: replace(problem, training=replace(training, utilisation=training.utilisation.scaled(f))),
    )
    if math.isfinite(problem.limits.tpot_s):
        yield at(
            "TPOT limit",
            lambda f: replace(
                problem,
                deployments=tuple(
                    replace(one, limits=replace(one.limits, tpot_s=f * one.limits.tpot_s)) for one in served
                ),
            ),
        )


def _priced(price: GpuPrice, factor: float) -> GpuPrice:
    """A price moved by a factor, or to the end of its providers' range where that is further."""
    moved = price.usd_per_gpu_hour * factor
    end = min(moved, price.low) if factor < 1 else max(moved, price.high)
    return replace(price, usd_per_gpu_hour=end)
