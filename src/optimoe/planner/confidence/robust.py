"""How sure a decision is: under draws of the law, and when one input at a time moves."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from optimoe.core.errors import InfeasibleError, InputError
from optimoe.cost.serving.estimate import Deployment
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.uncertainty import Uncertainty, uncertainty
from optimoe.planner.designs import rankable
from optimoe.planner.plan import choose, usable_laws
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import Training
from optimoe.planner.result import Plan
from optimoe.planner.search.pools import first_pools

Priced = TypeVar("Priced", Deployment, Training)

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
        """Whether the choice at some end is of another family, or nothing is feasible there."""
        return any(moved is None or moved.family != choice.family for moved in self.choices)

    def span(self, choice: Candidate) -> float:
        """The largest change of the total dollars, as a share of today's."""
        if not choice.total_usd:
            return 0.0
        changes = [abs(moved.total_usd / choice.total_usd - 1) for moved in self.choices if moved is not None]
        return max(changes, default=math.inf)


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
    """Judge a plan's choice under draws of its law, and with one input at a time moved."""
    try:
        drawn, unknown = uncertainty(result, draws, memory), ""
    except InputError as error:
        drawn, unknown = None, str(error)
    return Robustness(uncertainty=drawn, unknown=unknown, swings=swings(result, memory))


def swings(result: Plan, memory: PricedGrids = SHARED) -> tuple[Swing, ...]:
    """Re-plan with one input at a time at the ends of its range, the widest swing first; and with other laws."""
    moved_inputs = [_swing(name, moved, memory) for name, moved in _moves(result.problem)]
    rivals = _rivals(result, memory)
    if rivals:
        moved = [(law.row.name, replace(result.problem, law=law)) for law in rivals]
        moved_inputs.append(_swing("law", moved, memory))
    return tuple(sorted(moved_inputs, key=lambda swing: -swing.span(result.choice)))


def _rivals(result: Plan, memory: PricedGrids) -> list[LossLaw]:
    """The laws of other papers and data that may rank the choice and some other family beside it."""
    own = result.problem.law
    others = [law for law in usable_laws(own) if law.row.behind != own.row.behind]
    first, family = first_pools(result.problem, memory), result.choice.family
    ranked = {law.row.name: rankable(law, first) for law in others}
    return [law for law in others if family in ranked[law.row.name] and len(ranked[law.row.name]) > 1]


def _swing(name: str, moved: Iterable[tuple[str, Problem]], memory: PricedGrids) -> Swing:
    ends: list[str] = []
    choices: list[Candidate | None] = []
    for words, problem in moved:
        ends.append(words)
        try:
            choices.append(choose(problem, memory))
        except (InfeasibleError, InputError):
            choices.append(None)
    return Swing(name=name, ends=tuple(ends), choices=tuple(choices))


def _moves(problem: Problem) -> Iterator[tuple[str, list[tuple[str, Problem]]]]:
    """Each input with the problems at the ends of its range."""

    def at(name: str, range_of: str, change: Callable[[float], Problem]) -> tuple[str, list[tuple[str, Problem]]]:
        return name, [(f"× {factor:g}", change(factor)) for factor in FACTORS[range_of]]

    training = problem.training
    if problem.lifetime_tokens:
        yield at("demand", "demand", lambda f: replace(problem, traffic=problem.traffic.scaled(f)))
        yield at("serving price", "price", lambda f: _served(problem, lambda each: _at_price(each, f)))
    yield at("training price", "price", lambda f: replace(problem, training=_at_price(training, f)))
    scaled = training.utilisation.scaled
    yield at("MFU", "MFU", lambda f: replace(problem, training=replace(training, utilisation=scaled(f))))
    if math.isfinite(problem.limits.tpot_s):
        yield at("TPOT limit", "TPOT limit", lambda f: _served(problem, lambda each: _at_tpot(each, f)))


def _served(problem: Problem, change: Callable[[Deployment], Deployment]) -> Problem:
    """The problem with every deployment changed alike."""
    return replace(problem, deployments=tuple(map(change, problem.deployments)))


def _at_tpot(deployment: Deployment, factor: float) -> Deployment:
    limits = deployment.limits
    return replace(deployment, limits=replace(limits, tpot_s=factor * limits.tpot_s))


def _at_price(hardware: Priced, factor: float) -> Priced:
    """A deployment or a training at its price times a factor, or at the end of its providers' range if further."""
    price = hardware.price
    moved = price.usd_per_gpu_hour * factor
    end = min(moved, price.low) if factor < 1 else max(moved, price.high)
    return replace(hardware, price=replace(price, usd_per_gpu_hour=end))
