"""How sure a decision is: under draws of the law, and when one input at a time moves."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from optimoe.core.errors import InfeasibleError, InputError
from optimoe.core.records import to_record
from optimoe.cost.hardware.price import GpuPrice
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.uncertainty import Uncertainty, uncertainty
from optimoe.planner.plan import plan, usable_laws
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Plan

FACTORS = {"demand": (0.5, 2.0), "price": (0.7, 1.4), "MFU": (0.75, 1.25), "TPOT limit": (0.7, 1.5)}
"""Where an input may lie besides where it was stated, as factors; prices by their providers' range if wider."""


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


def assess(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> Robustness:
    """Both views of a plan's choice."""
    try:
        found, unknown = uncertainty(result, draws, memory), ""
    except InputError as error:
        found, unknown = None, str(error)
    return Robustness(uncertainty=found, unknown=unknown, swings=swings(result, memory))


def robustness_record(robustness: Robustness, choice: Candidate) -> dict[str, Any]:
    """As plain JSON values: designs by family and dollars."""

    def end(words: str, one: Candidate | None) -> dict[str, Any]:
        if one is None:
            return {"at": words, "feasible": False}
        return {"at": words, "family": to_record(one.family), "total_usd": one.total_usd, "loss": one.loss.value}

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


def swings(result: Plan, memory: PricedGrids = SHARED) -> tuple[Swing, ...]:
    """Re-plan with one input at a time at the ends of its range, the widest swing first; and with other laws."""
    found = [_swing(name, moved, memory) for name, moved in _moves(result.problem)]
    laws = [law for law in usable_laws() if law.row.name != result.problem.law.row.name]
    routed = [law for law in laws if not law.concerns(result.choice.spec)]
    if routed:
        moved = [(law.row.name, replace(result.problem, law=law)) for law in routed]
        found.append(_swing("law", moved, memory))
    return tuple(sorted(found, key=lambda swing: -swing.span(result.choice)))


def _swing(name: str, moved: Iterable[tuple[str, Problem]], memory: PricedGrids) -> Swing:
    ends: list[str] = []
    choices: list[Candidate | None] = []
    for words, problem in moved:
        ends.append(words)
        try:
            choices.append(plan(problem, memory).choice)
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
