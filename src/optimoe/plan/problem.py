"""The question: a budget, a traffic, hardware, a law, the designs to choose from and what counts as best."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import require, require_positive
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.deployment.workload import Limits, Workload
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.service.serving import Deployment
from optimoe.laws.base import LossLaw
from optimoe.plan.space import Space

BUDGET_TOLERANCE = 1e-9
"""Relative: a design that reaches the lowest loss itself must not fall to rounding."""


Count = Literal["total", "serving"]
"""Which dollars are minimised: training and the lifetime's serving, or serving alone."""


@dataclass(frozen=True, kw_only=True)
class LowestLoss:
    """The lowest loss within the training budget and the limits below.

    With ``usd_per_mtok`` this is the bounded serving cost of Yun 2024 (arXiv 2404.02852).

    Attributes:
        total_usd: Most dollars for training and serving together.
        usd_per_mtok: Most dollars per million output tokens.

    Raises:
        ConfigError: A limit is not positive.
    """

    total_usd: float = math.inf
    usd_per_mtok: float = math.inf

    def __post_init__(self) -> None:
        require_positive(self, "total_usd", "usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class LeastCost:
    """The least dollars at a loss of at most ``max_loss``.

    Raises:
        ConfigError: The loss is not positive.
    """

    max_loss: float
    count: Count = "total"

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
    count: Count = "total"

    def __post_init__(self) -> None:
        for name in ("loss_slack", "slack_nats"):
            require(0 <= getattr(self, name) < math.inf, name, "zero or more", getattr(self, name))


Goal = LowestLoss | LeastCost | NearBest


@dataclass(frozen=True, kw_only=True)
class Data:
    """The training tokens at hand.

    Attributes:
        unique_tokens: Distinct ones; infinite for no limit.
        repeats: Whether they may be seen again, at the falling worth of ``data/repeats.toml``.

    Raises:
        ConfigError: There are none.
    """

    unique_tokens: float = math.inf
    repeats: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "unique_tokens")

    def worth(self, tokens: Values) -> Values:
        """Distinct tokens that so many tokens are worth: D' = U + U·R*·(1 − e^(−(D/U − 1)/R*)) for D > U.

        Source: Muennighoff et al. 2023, arXiv 2305.16264, eq. 5, fitted on dense models to 9B parameters.
        """
        if math.isinf(self.unique_tokens):
            return tokens
        seen, unique = np.minimum(tokens, self.unique_tokens), self.unique_tokens
        if not self.repeats:
            return seen
        passes = np.maximum(np.asarray(tokens) / unique - 1, 0.0)
        return seen + unique * repeat_constant() * -np.expm1(-passes / repeat_constant())

    def tokens(self, worth: Values) -> Values:
        """Tokens to train on that are worth so many distinct ones; infinite where no number is."""
        if math.isinf(self.unique_tokens):
            return worth
        unique, constant = self.unique_tokens, repeat_constant()
        beyond = np.maximum(np.asarray(worth) / unique - 1, 0.0)
        if not self.repeats:
            return np.where(beyond > 0, np.inf, worth)[()]
        with np.errstate(invalid="ignore", divide="ignore"):
            passes = np.where(beyond < constant, -constant * np.log1p(-beyond / constant), np.inf)
        return np.minimum(worth, unique) + unique * passes


def repeat_constant() -> float:
    """R* of ``data/repeats.toml``: passes after which a repeated token is worth 1/e of a new one."""
    return float(load_facts("optimoe.plan", "repeats.toml")["muennighoff2023"]["R_D_star"])


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
        deployments: Ways to serve, of which each design takes the cheapest; they share requests and limits.
        lifetime_tokens: Output tokens over the model's life; their prompts come with them.
        law: Loss from size, tokens and experts.
        goal: What counts as best.
        space: The designs to choose from.
        data: The training tokens at hand.

    Raises:
        ConfigError: A number is out of limits, nothing bounds the training, or there is no deployment.
    """

    training: Training
    deployments: tuple[Deployment, ...]
    lifetime_tokens: float
    law: LossLaw
    goal: Goal = field(default_factory=NearBest)
    space: Space = field(default_factory=Space)
    data: Data = field(default_factory=Data)

    def __post_init__(self) -> None:
        require(len(self.deployments) > 0, "serve_gpus", "one kind or more", self.deployments)
        require(0 <= self.lifetime_tokens < math.inf, "serve_tokens", "zero or more", self.lifetime_tokens)
        bounded = (
            isinstance(self.goal, LeastCost)
            or math.isfinite(self.training.budget_flops)
            or (isinstance(self.goal, LowestLoss) and math.isfinite(self.goal.total_usd))
        )
        require(bounded, "train_flops", "given, unless a target loss or a total budget is", "none")

    @property
    def workload(self) -> Workload:
        """The requests, which all deployments share."""
        return self.deployments[0].workload

    @property
    def limits(self) -> Limits:
        """The limits on latency, which all deployments share."""
        return self.deployments[0].limits
