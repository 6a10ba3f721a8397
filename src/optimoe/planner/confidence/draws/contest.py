"""What every design gives in every draw, beside what the choice gives there."""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.core.arrays import Values
from optimoe.planner.confidence.draws.law import LawDraws
from optimoe.planner.confidence.draws.lineup import Index, Lineup, PerDesign
from optimoe.planner.confidence.draws.money import MoneyDraws, as_stated
from optimoe.planner.problem.data import ALL_TEXT_TOKENS
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.training import BUDGET_TOLERANCE
from optimoe.planner.result import Plan
from optimoe.planner.search.objective import judged

PILOT = 16
"""Draws that say which designs of a large space are drawn further."""

MOST_DRAWN = 4_000
"""Designs that are drawn in full, those that come nearest to the best of some pilot draw: half a second."""

LOWEST_DRAWN = 300
"""Of these, designs of the lowest losses, whatever they cost: the least loss of each draw is among them."""

SHUT_OUT_KEPT = 20
"""Designs of each order of :func:`shut_out` that are kept beside them: the best that more memory would let in."""

SHUT_OUT_SIZES = (1.2, 2.0, math.inf)
"""Totals up to which they are kept, over the largest that is served: what a fifth more memory holds, what twice
the GPUs hold, and any, which a limit on latency may shut out."""

TIE = 1e-6
"""Relative: the choice's own shape on the coarse grid reaches its loss within the tolerance of a budget."""


SMALLEST_USD = 1e-9
"""Dollars below which a choice is free: on owned GPUs all designs are as cheap, and none is a share dearer."""


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
class Contest:
    """Designs in every draw, the choice last.

    Attributes:
        lineup: The designs, with the curves that they were judged by.
        objective: Dollars or nats of each design in each draw; infinite where it is not feasible.
        own_loss: Loss of the choice in each draw, nats per token.
        by_loss: Whether nats are what is minimised.
    """

    lineup: Lineup
    objective: Float[np.ndarray, "draws designs"]
    own_loss: Float[np.ndarray, " draws"]
    by_loss: bool

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.objective)

    @property
    def unit(self) -> str:
        """What is minimised: nats, dollars, or GPU hours where all GPUs are owned."""
        return "nats" if self.by_loss else "gpu_hours" if self.lineup.problem.owned else "usd"

    @property
    def winners(self) -> Int[np.ndarray, " draws"]:
        """The best design of each draw; the choice where it ties with others."""
        least, last = self.objective.min(axis=1), self.objective.shape[1] - 1
        return np.where(self.objective[:, -1] <= least * (1 + TIE), last, self.objective.argmin(axis=1))

    @property
    def apart(self) -> Float[np.ndarray, "draws designs"]:
        """What each design is worse than the choice in the same draw: nats, or a share of the choice's dollars."""
        own = self.objective[:, -1:]
        return self.objective - own if self.by_loss else self.objective / np.maximum(own, SMALLEST_USD) - 1

    @property
    def own_regret(self) -> Float[np.ndarray, " draws"]:
        """What the choice is worse than the best of each draw, in dollars or nats."""
        return self.objective[:, -1] - self.objective.min(axis=1)

    def chances(self) -> tuple[Chance, ...]:
        """How often each number of experts is the best, the likeliest first."""
        counted = Counter(self.lineup.families[int(place)] for place in self.winners)
        shares: Counter[int] = Counter()
        for family, count in counted.items():
            shares[family.num_experts] += count
        return tuple(
            Chance(
                family=max((one for one in counted if one.num_experts == experts), key=lambda one: counted[one]),
                probability=count / self.draws,
            )
            for experts, count in shares.most_common()
        )


def contest(result: Plan, lineup: Lineup, money: MoneyDraws | None = None) -> Contest:
    """Put every design under the plan's own goal in every draw.

    The lowest loss keeps its limits. The least dollars are those at the loss that the draw gives the choice: its
    training is committed and paid for before anybody knows which draw is true. (Against the lowest loss of each
    draw, or against a stated one, half of the draws would put a choice that uses its whole budget a hair beyond
    it, and count a new plan where nothing is to be saved.) Limits of dollars are what the draw bills the choice,
    where that is more than was stated: a dearer hour makes no design better than another.

    Args:
        result: The plan.
        lineup: The designs, the choice last, under one law or every draw of it.
        money: Draws of prices and demand; none takes them as stated.
    """
    dollars = lineup.dollars(money or as_stated(lineup.problem))
    tokens, by_loss = result.choice.tokens, isinstance(result.problem.goal, LowestLoss)
    own_loss = _last(lineup.loss(tokens))
    train, serve = tokens * _last(dollars.per_train_token), _last(dollars.serve)
    _, objective = judged(lineup, _goal(result, own_loss, train + serve, _last(dollars.per_mtok)), dollars)
    goal = result.problem.goal
    counts_training = isinstance(goal, LowestLoss) or goal.count == "total"
    own = own_loss if by_loss else serve + (train if counts_training else 0.0)
    objective = np.broadcast_to(objective, np.broadcast_shapes(objective.shape, own.shape)).copy()
    objective[:, -1:] = own
    losses = np.broadcast_to(own_loss, (len(objective), 1))[:, 0]
    return Contest(lineup=lineup, objective=objective, own_loss=losses, by_loss=by_loss)


def _last(values: Values) -> Float[np.ndarray, "draws 1"]:
    """The column of the choice."""
    return np.atleast_2d(np.asarray(values, dtype=float))[:, -1:]


def _goal(result: Plan, own_loss: Values, total_usd: Values, usd_per_mtok: Values) -> LowestLoss | LeastCost:
    """The goal as the draws ask it."""
    goal = result.problem.goal
    if isinstance(goal, LowestLoss):
        return LowestLoss(
            total_usd=np.maximum(goal.total_usd, total_usd),
            usd_per_mtok=np.maximum(goal.usd_per_mtok, usd_per_mtok),
        )
    return LeastCost(max_loss=own_loss * (1 + BUDGET_TOLERANCE), count=goal.count)


def spent_tokens(result: Plan, lineup: Lineup) -> PerDesign:
    """Training tokens of each design under the goal as stated, at most those that it affords.

    Those of the choice where it affords none, or reaches the loss with none and no budget is stated.
    """
    dollars = lineup.dollars(as_stated(lineup.problem))
    goal = _goal(result, _last(lineup.loss(result.choice.tokens)), 0.0, 0.0)
    tokens = np.fmin(np.ravel(judged(lineup, goal, dollars)[0]), lineup.affordable_tokens)
    return np.where(np.isfinite(tokens) & (tokens > 1), tokens, result.choice.tokens)


def under_draws(result: Plan, lineup: Lineup, law: LawDraws) -> Lineup:
    """The designs under every draw of a law, each as far beyond its range as the goal takes it."""
    return lineup.drawn(law, spent_tokens(result, lineup))


def kept_promise(result: Plan, contested: Contest) -> Bool[np.ndarray, " draws"] | None:
    """Whether the choice keeps, in each draw, the loss that the goal asks for; none where it asks for no such."""
    goal, lineup = result.problem.goal, contested.lineup
    if isinstance(goal, LowestLoss):
        return None
    if isinstance(goal, LeastCost):
        return contested.own_loss <= np.ravel(goal.max_loss) * (1 + BUDGET_TOLERANCE)
    losses = judged(lineup, LowestLoss(), lineup.dollars(as_stated(lineup.problem)))[1]
    lowest = np.minimum(losses.min(axis=1), contested.own_loss)
    return contested.own_loss <= (lowest * (1 + goal.loss_slack) + goal.slack_nats) * (1 + TIE)


def near_choice(result: Plan, lineup: Lineup, law: LawDraws, money: MoneyDraws) -> Index:
    """Places of the designs that come near the choice in some draw of a pilot; all of a small space."""
    if len(lineup) <= MOST_DRAWN:
        return np.arange(len(lineup))
    pilot = contest(result, under_draws(result, lineup, law.first(PILOT)), money.first(PILOT))
    near = np.argsort(pilot.apart.min(axis=0), kind="stable")[: MOST_DRAWN - LOWEST_DRAWN]
    losses = np.ravel(judged(lineup, LowestLoss(), lineup.dollars(as_stated(lineup.problem)))[1])
    low = np.argsort(losses, kind="stable")[:LOWEST_DRAWN]
    total, behind = lineup.params_total / lineup.params_total[lineup.servable].max(), []
    for values in shut_out(lineup, float(result.choice.loss.value)):
        behind += [first_places(np.where(total <= size, values, np.inf), SHUT_OUT_KEPT) for size in SHUT_OUT_SIZES]
    return np.concatenate([near, low, *behind, [len(lineup) - 1]])


def shut_out(lineup: Lineup, loss: float) -> tuple[PerDesign, PerDesign]:
    """Designs that could be trained and that no deployment serves: the rest are infinite.

    Returns:
        Dollars of training to a loss within the budget, and the loss on the whole budget.
    """
    shut = ~lineup.servable & lineup.ranked & np.isfinite(lineup.mfu)
    train = np.ravel(lineup.dollars(as_stated(lineup.problem)).per_train_token)
    needed, affordable = np.asarray(lineup.tokens(loss)), lineup.affordable_tokens
    within = shut & np.isfinite(needed) & (needed <= affordable)
    lowest = lineup.loss(np.clip(affordable, 1.0, ALL_TEXT_TOKENS))
    return np.where(within, train * np.where(within, needed, 0.0), np.inf), np.where(shut, lowest, np.inf)


def first_places(values: np.ndarray, number: int) -> Index:
    """Places of the smallest finite values."""
    order = np.argsort(values, kind="stable")[:number]
    return order[np.isfinite(values[order])]
