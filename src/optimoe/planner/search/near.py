"""The designs near an earlier plan of the same space: what is looked at while one input is dragged.

A plan looks at its whole space, which takes seconds. What wins after a small move of one input was near the top
before it: a re-plan may look at those designs alone, with estimates that begin at what the earlier plan knew.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Bool

from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import content_key, map_numbers
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.designs import Column, Pool
from optimoe.planner.pareto import front_members
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.search.board import Board, Judgement, Known, keep
from optimoe.planner.search.estimate import Features, features, rooflines
from optimoe.planner.search.listing import Index, Listing, Loads, loads
from optimoe.planner.search.looked import Looked, Rates
from optimoe.planner.search.objective import equal_loss, tokens_and_objective

STEP, LOSS_STEP = 1.3, 0.01
"""Factor, and of a loss nats, within which questions look at the same designs: those that look best at budgets,
demands and slacks so much smaller and larger."""

LOWEST, LEAST, OF_AN_E = 20, 60, 12
"""Designs of the lowest loss, of the least dollars, of these of each E, under each move: some 300 together."""

MOST_LIKELY = 12
"""Designs that were settled last, which are trained first in another run."""

MOST_BOARDS = 24
"""Boards that an earlier plan keeps: of other limits, laws and sizes of budget and demand."""


@dataclass(kw_only=True)
class Picked:
    """The designs near the best ones of a question, with what an earlier search knew of them.

    Attributes:
        listing: They.
        mfu: Utilisation in training, found or expected.
        log_over_roof: Logarithm of the tokens per second of each deployment over its roofline, likewise.
        trained: Of which it was found.
        rates: Tokens per second that were found; NaN elsewhere.
        loads, features: What estimates are made of under any limits.
        curves, bare: Their loss under laws and pools without prices, for all boards of these designs.
        last: The board of these designs that was asked for last.
    """

    listing: Listing
    mfu: Column
    log_over_roof: Rates
    trained: Bool[np.ndarray, " designs"]
    rates: Rates
    loads: Loads
    features: Features
    curves: dict[LossLaw, Judgement] = field(default_factory=dict)
    bare: dict[int, tuple[ArchSpec, Pool]] = field(default_factory=dict)
    last: Board | None = None


@dataclass(kw_only=True)
class Earlier:
    """A plan of a whole space that was made, and the boards of designs near it.

    Attributes:
        problem: Its question.
        known: What its search came to know.
        picked, boards: Those that were asked for, the latest, under this plan's limits and under others.
    """

    problem: Problem
    known: Known
    picked: OrderedDict[Hashable, Picked] = field(default_factory=OrderedDict)
    boards: OrderedDict[Hashable, Board] = field(default_factory=OrderedDict)

    def board(self, problem: Problem, memory: PricedGrids) -> Board:
        """The designs near this plan with what is known of them under the limits of a problem."""
        cell = (problem.law, content_key(*_cell(problem)))
        picked = _latest(self.picked, cell, lambda: self._picked(problem, memory))
        training, run = problem.training.unbounded(), problem.training.run
        asked = replace(training, price=unknown_price(), run=run and replace(run, price=unknown_price()))
        own = (*cell, content_key(problem.limits, asked))
        made = _latest(self.boards, own, lambda: self._board(problem, memory, picked))
        picked.last = replace(made, problem=problem, memory=memory)  # of the same arrays, to which this one adds
        return picked.last

    def _board(self, problem: Problem, memory: PricedGrids, picked: Picked) -> Board:
        """A board of some designs under the limits and the run of a problem.

        With those trained that the question before it settled: this one will want most of them, and one call
        trains all of a kind.
        """
        known = self._known(problem, picked)
        mfu = np.full(len(known.listing), np.nan)
        board = Board(problem=problem, memory=memory, known=known, mfu=mfu, bare=picked.bare)
        board.train_anew(np.flatnonzero(known.trained | (problem.training.run is None)))
        if picked.last is not None:
            board.train(np.unique([place for place, _ in picked.last.pools][-MOST_LIKELY:]).astype(int))
        return board

    def _picked(self, problem: Problem, memory: PricedGrids) -> Picked:
        """Pick the designs that look best under a problem by what this plan knew, under its own limits."""
        ways, run = self._ways(problem), self.problem.training.run
        before = replace(problem, deployments=ways, training=replace(problem.training, run=run))
        board = Board(
            problem=before, memory=memory, known=self.known, mfu=np.full(len(self.known.listing), np.nan)
        )
        board.train_anew(np.flatnonzero(self.known.trained | (run is None)))
        looked = board.looked() if self.known.whole else board.looked(board.estimates())
        near = np.unique(np.concatenate([*_best(looked)]))
        listing, expected = looked.listing.where(near), looked.tokens_per_s[:, near]
        taken = loads(listing, ways)
        roof = rooflines(listing, ways, taken).log_rate
        return Picked(
            listing=listing,
            mfu=looked.utilisation[near],
            log_over_roof=np.where(expected > 0, np.log(np.where(expected > 0, expected, 1.0)) - roof, 0.0),
            trained=self.known.trained[near],
            rates=self.known.rates[:, near],
            loads=taken,
            features=features(listing),
        )

    def _known(self, problem: Problem, picked: Picked) -> Known:
        """What is known of the designs under the limits of a problem."""
        roof = rooflines(picked.listing, problem.deployments, picked.loads)
        run = self.problem.training.run
        same_limits, same_run = problem.limits == self.problem.limits, problem.training.run == run
        return Known(
            listing=picked.listing,
            whole=False,
            size=self.known.size,
            every={},
            trained=picked.trained & same_run,
            rates=picked.rates.copy() if same_limits else np.full_like(picked.rates, np.nan),
            roof=replace(roof, log_rate=roof.log_rate + picked.log_over_roof),
            features=picked.features,
            curves=picked.curves,
            expected_mfu=picked.mfu,
            usual=run,
        )

    def _ways(self, problem: Problem) -> tuple[Deployment, ...]:
        """The deployments of this plan at the prices of a problem."""
        pairs = zip(self.problem.deployments, problem.deployments, strict=True)
        return tuple(replace(own, price=asked.price) for own, asked in pairs)


T = TypeVar("T")


def _latest(kept: OrderedDict[Hashable, T], key: Hashable, make: Callable[[], T]) -> T:
    """Look a thing up or make it; the latest :data:`MOST_BOARDS` are kept."""
    found = kept.get(key) or make()
    kept[key] = found
    kept.move_to_end(key)
    while len(kept) > MOST_BOARDS:
        kept.popitem(last=False)
    return found


def near_board(problem: Problem, memory: PricedGrids) -> Board | None:
    """The designs near an earlier plan of the same space and hardware; none where the memory holds no such plan.

    Nor where models of one's own are to be scored: these are designs of the space that stand beside the choice.
    """
    for earlier in () if problem.scored else memory.before("earlier", *_hardware(problem)):
        board: Board = earlier.board(problem, memory)
        return board
    return None


def remember(board: Board) -> None:
    """Hand what a search came to know to the next question of the same space and hardware."""
    if not board.near:
        keep(board)
        board.memory.renew(Earlier(problem=board.problem, known=board.known), "earlier", *_hardware(board.problem))


def _hardware(problem: Problem) -> tuple[object, ...]:
    """What a question shares with one that is near it: all but law, goal, budget, demand, prices and limits.

    A stated budget sets the batch of the run too.
    """
    run = problem.training.run
    return (
        problem.space,
        [replace(one, price=unknown_price(), limits=Limits()) for one in problem.deployments],
        run and replace(run, price=unknown_price(), batch_tokens=run.seq_len, batch_source=""),
    )


def _cell(problem: Problem) -> tuple[object, ...]:
    """The question in steps of :data:`STEP`."""
    goal, training = problem.goal, problem.training
    of_goal = round(goal.max_loss / LOSS_STEP) if isinstance(goal, LeastCost) else goal
    budget = (
        replace(training, run=None) if training.run is None else (training.budget_flops, training.budget_gpu_s)
    )
    prices = [training.price.usd_per_gpu_hour, *(one.price.usd_per_gpu_hour for one in problem.deployments)]
    asked = (of_goal, budget, training.utilisation, problem.traffic, problem.data, prices)
    return map_numbers(asked, _step)


def _step(number: float) -> float:
    return round(math.log(abs(number)) / math.log(STEP)) if 0 < abs(number) < math.inf else number


def _best(looked: Looked) -> Iterator[Index]:
    """Places of the designs that look best under a question and small moves of it, of each E, and of its front."""
    found: list[tuple[LowestLoss | LeastCost, np.ndarray, np.ndarray]] = []
    for moved in _moves(looked.problem):
        own, goal = replace(looked, problem=moved), moved.goal
        if moved.training.bounded:
            losses = tokens_and_objective(own, LowestLoss())[1]
            yield _least(losses, LOWEST)
            if isinstance(goal, NearBest):
                goal = goal.beside(float(losses.min()))
            if not found:
                yield np.flatnonzero(
                    front_members(losses, np.where(np.isfinite(losses), own.usd_per_mtok, np.inf))
                )
        assert not isinstance(goal, NearBest)  # which has a budget
        tokens, objective = tokens_and_objective(own, goal)
        found.append((goal, tokens, objective))
        yield _least(objective, LEAST)
    tokens, objective = found[0][1:]
    best = int(objective.argmin())
    if math.isfinite(objective[best]):
        loss = float(looked.loss(tokens)[best])
        asked = equal_loss(loss)
        cost, experts = (
            tokens_and_objective(looked.under_goal(asked), asked.minimised)[1],
            looked.listing.of("num_experts"),
        )
        for number in np.unique(experts):
            yield _least(np.where(experts == number, cost, np.inf), OF_AN_E)


def _least(values: Column, most: int) -> Index:
    """Places of the least finite values."""
    first = np.argsort(values, kind="stable")[:most]
    return first[np.isfinite(values[first])]


def _moves(problem: Problem) -> Iterator[Problem]:
    """A question, and the same with budget, demand or slack moved by a step."""
    training, goal = problem.training, problem.goal
    yield problem
    for factor in (1 / STEP, STEP):
        flops, gpu_s = factor * training.budget_flops, factor * training.budget_gpu_s
        yield replace(problem, training=replace(training, budget_flops=flops, budget_gpu_s=gpu_s))
        yield replace(problem, traffic=problem.traffic.scaled(factor))
        if isinstance(goal, NearBest):
            yield replace(problem, goal=goal.scaled(factor))
