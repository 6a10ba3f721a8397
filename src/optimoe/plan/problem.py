"""The question: a budget, a traffic, hardware, a law, the designs to choose from and what counts as best."""

import math
from dataclasses import dataclass, field

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.arrays import Values
from optimoe.core.errors import require, require_positive
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.accelerator import Accelerator
from optimoe.cost.price import GpuPrice
from optimoe.cost.serving import Deployment
from optimoe.laws.base import LossLaw
from optimoe.plan.space import Space

BUDGET_TOLERANCE = 1e-9
"""Relative: a design that reaches the lowest loss itself must not fall to rounding."""


@dataclass(frozen=True, kw_only=True)
class LowestLoss:
    """The lowest loss within the training budget, and within ``total_usd`` for training and serving together.

    Raises:
        ConfigError: The budget is not positive.
    """

    total_usd: float = math.inf

    def __post_init__(self) -> None:
        require_positive(self, "total_usd")


@dataclass(frozen=True, kw_only=True)
class LeastCost:
    """The least training + serving dollars at a loss of at most ``max_loss``.

    Raises:
        ConfigError: The loss is not positive.
    """

    max_loss: float

    def __post_init__(self) -> None:
        require_positive(self, "max_loss")


@dataclass(frozen=True, kw_only=True)
class NearBest:
    """The least total dollars at a loss of at most (1 + ``loss_slack``) times the lowest within the budget.

    Bounded loss of Yun 2024 (arXiv 2404.02852). Slack 0 is the lowest loss itself.

    Raises:
        ConfigError: The slack is negative.
    """

    loss_slack: float = 0.01

    def __post_init__(self) -> None:
        require(0 <= self.loss_slack < math.inf, "loss_slack", "zero or more", self.loss_slack)


Goal = LowestLoss | LeastCost | NearBest


@dataclass(frozen=True, kw_only=True)
class Training:
    """Hardware and budget of the training run.

    Attributes:
        accelerator: The GPU.
        mfu: Model FLOPs utilisation: 6ND over the time at the bf16 peak.
        price: Of a GPU hour.
        budget_flops: Most FLOPs (6ND) to spend; infinite for no limit.

    Raises:
        ConfigError: The budget is not positive or the utilisation not in (0, 1].
    """

    accelerator: Accelerator
    mfu: float
    price: GpuPrice
    budget_flops: float = math.inf

    def __post_init__(self) -> None:
        require_positive(self, "budget_flops")
        require(0 < self.mfu <= 1, "mfu", "above 0 and at most 1", self.mfu)

    @property
    def usd_per_flop(self) -> float:
        """Dollars per training FLOP: USD/s ÷ (peak · MFU)."""
        return self.price.usd_per_gpu_s / (self.accelerator.flops_per_s("bf16") * self.mfu)

    def flops(self, params_active: Values, tokens: Values) -> Values:
        """Training FLOPs by the laws' own convention, 6·N_act·D with both embeddings in N_act."""
        return TRAIN_FLOPS_PER_PARAM_TOKEN * params_active * tokens

    def affordable_tokens(self, params_active: Values) -> Values:
        """Tokens that the whole budget trains: budget/(6·N_act)."""
        return self.budget_flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params_active)


def gpu_time_flops(accelerator: Accelerator, num_gpus: int, days: float, mfu: float) -> float:
    """FLOPs of so many GPUs over so many days: GPUs · seconds · bf16 peak · MFU.

    Raises:
        ConfigError: Days or utilisation out of limits.
    """
    require(days > 0, "train_days", "positive", days)
    require(0 < mfu <= 1, "mfu", "above 0 and at most 1", mfu)
    return num_gpus * days * SECONDS_PER_DAY * accelerator.flops_per_s("bf16") * mfu


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What to plan.

    Attributes:
        training: Hardware and budget of the run.
        deployment: Where and how requests are served, with latency limits.
        lifetime_tokens: Output tokens over the model's life; their prompts come with them.
        law: Loss from size, tokens and experts.
        goal: What counts as best.
        space: The designs to choose from.

    Raises:
        ConfigError: A number is out of limits, or nothing bounds the training.
    """

    training: Training
    deployment: Deployment
    lifetime_tokens: float
    law: LossLaw
    goal: Goal = field(default_factory=NearBest)
    space: Space = field(default_factory=Space)

    def __post_init__(self) -> None:
        require(0 <= self.lifetime_tokens < math.inf, "serve_tokens", "zero or more", self.lifetime_tokens)
        bounded = (
            isinstance(self.goal, LeastCost)
            or math.isfinite(self.training.budget_flops)
            or (isinstance(self.goal, LowestLoss) and math.isfinite(self.goal.total_usd))
        )
        require(bounded, "train_flops", "given, unless a target loss or a total budget is", "none")
