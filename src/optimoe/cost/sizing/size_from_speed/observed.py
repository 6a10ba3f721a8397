"""What is seen of a served model from outside, and what its size may be: the question and the answer."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require, require_positive
from optimoe.core.provenance import Basis
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.sizing.size_from_speed.ladder import ExpertCount, TypicalShape


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is seen of a model from outside.

    Attributes:
        tokens_per_s: Output tokens per second of one user, after the first; 0 where not known.
        usd_per_mtok: Price of a million output tokens, that of their prompts included; infinite where not known.
        margin: Share of the price that is not the cost of its GPUs.
        utilisation: Share of the GPU hours that are paid for in which the deployment runs at its batch.
        concurrency: Requests in flight over all GPUs; 0 where not known.

    Raises:
        ConfigError: A number is out of its limits, or neither speed nor price is known.
    """

    tokens_per_s: float = 0.0
    usd_per_mtok: float = np.inf
    margin: float = 0.0
    utilisation: float = 1.0
    concurrency: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.tokens_per_s < np.inf, "tokens_per_s", "zero or more and finite", self.tokens_per_s)
        require_positive(self, "usd_per_mtok")
        known = self.tokens_per_s > 0 or np.isfinite(self.usd_per_mtok)
        require(known, "tokens_per_s", "given where usd_per_mtok is not", self.tokens_per_s)
        require(0 <= self.margin < 1, "margin", "in [0, 1)", self.margin)
        require(0 < self.utilisation <= 1, "utilisation", "in (0, 1]", self.utilisation)
        require(self.concurrency == 0 or self.concurrency >= 1, "concurrency", "at least 1", self.concurrency)

    @property
    def cost_usd_per_mtok(self) -> float:
        """The most that a million output tokens may cost at full load: price · (1 − margin) · utilisation."""
        return self.usd_per_mtok * (1 - self.margin) * self.utilisation


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The largest typical model with so many experts that can be served as observed.

    Attributes:
        experts: Its experts; one expert is a dense model.
        params_total: All its parameters; 0 where not even the smallest of the ladder can be served so.
        params_total_low: Low end of their band.
        params_total_high: High end of their band.
        params_active: Parameters that a token uses.
        params_active_low: Low end of their band.
        params_active_high: High end of their band.
        rule_params_total: All parameters by the article's rule of thumb, from the dense size that is found.
        bound_by: What keeps the next larger one out: memory, speed, ttft, price, or the end of the ladder.
        model: Its shape; none where there is none.
        serving: How it is served cheapest; none where there is none.
    """

    experts: ExpertCount
    params_total: float
    params_total_low: float
    params_total_high: float
    params_active: float
    params_active_low: float
    params_active_high: float
    rule_params_total: float
    bound_by: str
    model: ArchSpec | None
    serving: ServingEstimate | None


@dataclass(frozen=True, kw_only=True)
class Move:
    """How the sizes change under another assumption.

    Attributes:
        unknown: What is not known.
        assumed: What the sizes assume.
        instead: What is assumed in its place.
        basis: Where the other assumption comes from.
        params_total: Total parameters under it, one for each guess; 0 where nothing can be served so.
        params_active: Active parameters under it.
    """

    unknown: str
    assumed: str
    instead: str
    basis: Basis
    params_total: tuple[float, ...]
    params_active: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SizesFromSpeed:
    """The sizes that an observed speed and price allow, by sparsity.

    Attributes:
        observed: What was seen.
        deployment: On which GPUs, at which price of an hour, and for which requests.
        shape: What the models of the ladder have in common.
        guesses: One for each number of experts, the dense one first.
        moves: What the band is made of.
    """

    observed: Observed
    deployment: Deployment
    shape: TypicalShape
    guesses: tuple[Guess, ...]
    moves: tuple[Move, ...]
