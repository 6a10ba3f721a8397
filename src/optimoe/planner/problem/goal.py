"""The goal of a plan: what is minimised, within which limits."""

import math
from dataclasses import dataclass, replace

from optimoe.core.arrays import Values
from optimoe.core.errors import require, require_positive
from optimoe.planner.problem.kinds import CountedDollars


@dataclass(frozen=True, kw_only=True)
class LowestLoss:
    """The lowest loss within the training budget and the limits below.

    With ``usd_per_mtok`` this is the bounded serving cost of Yun 2024 (arXiv 2404.02852).

    Attributes:
        total_usd: Most dollars for training and serving together.
        usd_per_mtok: Most dollars per million output tokens.

    Both may hold a row for each of many draws.

    Raises:
        ConfigError: A limit is not positive.
    """

    total_usd: Values = math.inf
    usd_per_mtok: Values = math.inf

    def __post_init__(self) -> None:
        require_positive(self, "total_usd", "usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class LeastCost:
    """The least dollars at a loss of at most ``max_loss``, which may hold a row for each of many draws.

    Raises:
        ConfigError: The loss is not positive.
    """

    max_loss: Values
    count: CountedDollars = "total"

    def __post_init__(self) -> None:
        require_positive(self, "max_loss")


@dataclass(frozen=True, kw_only=True)
class NearBest:
    """The least dollars at a loss of at most (1 + ``loss_slack``)·L + ``slack_nats``, L the lowest in the budget.

    Counted in serving dollars this is the bounded loss of Yun 2024 (arXiv 2404.02852). Slack 0 is the lowest
    loss itself.

    Raises:
        ConfigError: A slack is negative.
    """

    loss_slack: float = 0.01
    slack_nats: float = 0.0
    count: CountedDollars = "total"

    def __post_init__(self) -> None:
        for name in ("loss_slack", "slack_nats"):
            require(0 <= getattr(self, name) < math.inf, name, "zero or more", getattr(self, name))

    def beside(self, lowest: Values) -> LeastCost:
        """The goal where the lowest loss in the budget is known."""
        return LeastCost(max_loss=lowest * (1 + self.loss_slack) + self.slack_nats, count=self.count)

    def scaled(self, factor: float) -> "NearBest":
        """Multiply what may be given up of the loss."""
        return replace(self, loss_slack=factor * self.loss_slack, slack_nats=factor * self.slack_nats)


Goal = LowestLoss | LeastCost | NearBest
