"""How sure a decision is: under draws of the law, and when one input at a time moves."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from optimoe.core.errors import InfeasibleError, InputError
from optimoe.cost.serving.estimate import Deployment
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.contending import Contending, contending
from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.confidence.draws.contest import Chance, spent_tokens
from optimoe.planner.confidence.over_laws import OverLaws, over_laws
from optimoe.planner.confidence.shadow_prices import ShadowPrice, shadow_prices
from optimoe.planner.confidence.uncertainty import Uncertainty, uncertainty_of
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
        """Whether the choice at some end has another number of experts, or nothing is feasible there."""
        own = choice.family.num_experts
        return any(moved is None or moved.family.num_experts != own for moved in self.choices)

    def span(self, choice: Candidate) -> float:
        """The largest change of the total dollars, as a share of today's."""
        if not choice.total_usd:
            return 0.0
        changes = [abs(moved.total_usd / choice.total_usd - 1) for moved in self.choices if moved is not None]
        return max(changes, default=math.inf)


@dataclass(frozen=True, kw_only=True)
class OverMoney:
    """The choice under draws of prices and demand, the law as it is.

    Attributes:
        drawn: What was drawn, with its range.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
    """

    drawn: tuple[str, ...]
    chances: tuple[Chance, ...]


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """How sure a plan's choice is.

    Attributes:
        uncertainty: Under draws of the law; none where it cannot be drawn, and ``unknown`` says why.
        unknown: The reason, or nothing.
        swings: What each input would change.
        contending: The designs that draws of law, prices and demand do not tell from the choice.
        over_laws: Under the laws that may rank the choice and others beside it.
        over_money: Under draws of prices and demand.
        shadow_prices: The worth of every limit, those that bind first.
    """

    uncertainty: Uncertainty | None
    unknown: str
    swings: tuple[Swing, ...]
    contending: Contending | None = None
    over_laws: OverLaws | None = None
    over_money: OverMoney | None = None
    shadow_prices: tuple[ShadowPrice, ...] = ()


def assess(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> Robustness:
    """Judge a plan's choice under draws of laws, prices and demand, with limits relaxed and inputs moved."""
    asked = ask(result, draws, memory)
    by_law = asked.by_law()
    drawn = None if asked.unknown else uncertainty_of(asked, by_law)
    return Robustness(
        uncertainty=drawn,
        unknown=asked.unknown,
        swings=swings(result, memory),
        contending=contending(asked.by_all(), asked.of, spent_tokens(result, asked.lineup)),
        over_laws=over_laws(result, asked.lineup, by_law.chances(), drawn=drawn is not None),
        over_money=OverMoney(drawn=asked.money.words, chances=asked.by_money().chances()),
        shadow_prices=shadow_prices(result, asked.lineup, memory),
    )


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
