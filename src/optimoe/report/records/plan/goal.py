"""JSON of what a plan takes as best."""

from dataclasses import dataclass
from typing import Literal

from optimoe.planner.problem.goal import Goal, LeastCost, LowestLoss
from optimoe.planner.problem.kinds import CountedDollars


@dataclass(frozen=True, kw_only=True)
class LowestLossRecord:
    """The goal of the lowest loss within limits on dollars.

    Attributes:
        kind: The name of the goal.
        total_usd: Most dollars for training and serving together; null for no limit.
        usd_per_mtok: Most dollars per million output tokens; null for no limit.
    """

    kind: Literal["LowestLoss"] = "LowestLoss"
    total_usd: float | None
    usd_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class LeastCostRecord:
    """The goal of the least dollars at a loss.

    Attributes:
        kind: The name of the goal.
        max_loss: Most nats per token.
        count: Which dollars are minimised: ``total`` or ``serving``.
    """

    kind: Literal["LeastCost"] = "LeastCost"
    max_loss: float
    count: CountedDollars


@dataclass(frozen=True, kw_only=True)
class NearBestRecord:
    """The goal of the least dollars near the lowest loss L of the budget.

    Attributes:
        kind: The name of the goal.
        loss_slack: Loss that may be given up, as a share of L.
        slack_nats: Loss that may be given up, in nats per token.
        count: Which dollars are minimised: ``total`` or ``serving``.
    """

    kind: Literal["NearBest"] = "NearBest"
    loss_slack: float
    slack_nats: float
    count: CountedDollars


def goal_record(goal: Goal) -> LowestLossRecord | LeastCostRecord | NearBestRecord:
    """What counts as best, by its kind."""
    if isinstance(goal, LowestLoss):
        return LowestLossRecord(total_usd=goal.total_usd, usd_per_mtok=goal.usd_per_mtok)
    if isinstance(goal, LeastCost):
        return LeastCostRecord(max_loss=goal.max_loss, count=goal.count)
    return NearBestRecord(loss_slack=goal.loss_slack, slack_nats=goal.slack_nats, count=goal.count)
