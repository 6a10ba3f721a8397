"""What one input at a time would change: the tornado, over the designs that the search looked at."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from optimoe.cost.serving.estimate import Deployment
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.draws.lineup import Lineup
from optimoe.planner.confidence.draws.money import as_stated
from optimoe.planner.confidence.served_anew import nearest, served_anew
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LowestLoss, NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import Training
from optimoe.planner.result import Plan
from optimoe.planner.search.objective import judged

Priced = TypeVar("Priced", Deployment, Training)

FACTORS = {"demand": (0.5, 2.0), "price": (0.7, 1.4), "MFU": (0.75, 1.25), "TPOT limit": (0.7, 1.5)}
"""Where an input may lie besides where it was stated, as factors; prices by their providers' range if wider."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What is chosen where an input is moved.

    Attributes:
        family: What it shares with designs of other widths and depths.
        loss: Nats per token.
        serve_usd: Dollars of serving over the model's life.
        total_usd: These and the dollars of training.
    """

    family: Family
    loss: float
    serve_usd: float
    total_usd: float


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
    choices: tuple[Moved | None, ...]

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


def swings(
    result: Plan, lineup: Lineup, laws: Sequence[LossLaw], memory: PricedGrids = SHARED
) -> tuple[Swing, ...]:
    """Choose anew with one input at a time at the ends of its range, the widest swing first; and with other laws.

    Args:
        result: The plan.
        lineup: Its designs, which are chosen from; where the limit on TPOT moves, those nearest to the choice, on
            its kind of deployment.
        laws: Other laws that may rank the choice.
        memory: Designs that were priced before.
    """
    found = [
        Swing(name=name, ends=tuple(words), choices=tuple(map(chosen, moved)))
        for name, words, moved in _moves(result, lineup, memory)
    ]
    if laws:
        names = tuple(law.row.name for law in laws)
        found.append(Swing(name="law", ends=names, choices=tuple(chosen(lineup.under(law)) for law in laws)))
    return tuple(sorted(found, key=lambda swing: -swing.span(result.choice)))


def chosen(lineup: Lineup) -> Moved | None:
    """The choice of a line-up under the goal of its problem; none where nothing is feasible."""
    goal, dollars = lineup.problem.goal, lineup.dollars(as_stated(lineup.problem))
    if isinstance(goal, NearBest):
        lowest = judged(lineup, LowestLoss(), dollars)[1].min()
        if not np.isfinite(lowest):
            return None
        goal = goal.beside(float(lowest))
    tokens, objective = (np.ravel(column) for column in judged(lineup, goal, dollars))
    best = int(objective.argmin())
    if not math.isfinite(objective[best]):
        return None
    serve = float(dollars.serve[0, best])
    return Moved(
        family=lineup.families[best],
        loss=float(lineup.loss(tokens)[best]),
        serve_usd=serve,
        total_usd=serve + float(dollars.per_train_token[0, best] * tokens[best]),
    )


def _moves(result: Plan, lineup: Lineup, memory: PricedGrids) -> Iterator[tuple[str, list[str], Iterator[Lineup]]]:
    """Each input with the ends of its range, and the designs there."""
    problem = result.problem
    training = problem.training

    def at(name: str, range_of: str, change: Callable[[float], Lineup]) -> tuple[str, list[str], Iterator[Lineup]]:
        return name, [f"× {factor:g}" for factor in FACTORS[range_of]], map(change, FACTORS[range_of])

    def under(change: Callable[[float], Problem]) -> Callable[[float], Lineup]:
        return lambda factor: replace(lineup, problem=change(factor))

    if problem.lifetime_tokens:
        yield at("demand", "demand", under(lambda f: replace(problem, traffic=problem.traffic.scaled(f))))
        if not all(each.price.owned for each in problem.deployments):
            yield at("serving price", "price", under(lambda f: _served(problem, lambda each: _at_price(each, f))))
    if not training.price.owned:
        yield at("training price", "price", under(lambda f: replace(problem, training=_at_price(training, f))))
    yield at("MFU", "MFU", lambda f: replace(lineup, utilisation=np.minimum(f * lineup.utilisation, 1.0)))
    if math.isfinite(problem.limits.tpot_s):
        near, own = nearest(result, lineup), result.choice.deployment
        yield at("TPOT limit", "TPOT limit", lambda f: served_anew(near, own, _at_tpot(own, f), memory))


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
