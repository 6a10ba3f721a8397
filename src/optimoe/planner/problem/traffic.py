"""The traffic of a model's life, and the deployments that carry it."""

import math
from dataclasses import dataclass, replace

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.core.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from optimoe.cost.serving.carried import CarriedLoad, carried, deployments_for

YEAR_S = 365 * SECONDS_PER_DAY
"""The life of a model where nobody states it."""


@dataclass(frozen=True, kw_only=True)
class LifetimeServing(CarriedLoad):
    """Equal deployments over a model's life. Fields are numbers, or arrays over a grid.

    Attributes:
        gpu_s: GPU-seconds that are paid for.
        usd: Their dollars; infinite where one deployment carries nothing.
    """

    gpu_s: Values
    usd: Values

    @property
    def gpu_hours(self) -> Values:
        """GPU hours that are paid for."""
        return self.gpu_s / SECONDS_PER_HOUR


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a model answers over its life.

    Attributes:
        lifetime_tokens: Output tokens over the life; their prompts come with them.
        life_s: Seconds of the life.
        rated: Whether it was stated as a rate. Whole deployments then run all of the life, as many as the peak
            takes; otherwise a deployment is paid for the tokens that it gives, at ``utilisation``.
        peak_to_mean: The busiest rate over the mean one, of a traffic that was stated as a rate.
        utilisation: Share of what a deployment can carry that it is taken to be used at, of lifetime tokens.

    Raises:
        ConfigError: A number is out of limits.
    """

    lifetime_tokens: float
    life_s: float = YEAR_S
    rated: bool = False
    peak_to_mean: float = 1.0
    utilisation: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.lifetime_tokens < math.inf, "serve_tokens", "zero or more", self.lifetime_tokens)
        require(0 < self.life_s < math.inf, "life_days", "positive", self.life_s / SECONDS_PER_DAY)
        require(not self.rated or self.lifetime_tokens > 0, "requests_per_s", "positive", self.lifetime_tokens)
        require(1 <= self.peak_to_mean < math.inf, "peak_to_mean", "1 or more", self.peak_to_mean)
        require(0 < self.utilisation <= 1, "utilisation", "above 0, at most 1", self.utilisation)
        peak, used = self.peak_to_mean, self.utilisation
        require(self.rated or peak == 1, "peak_to_mean", "1 where no rate is stated", peak)
        require(not self.rated or used == 1, "utilisation", "left out where a rate is stated", used)

    @property
    def mean_tokens_per_s(self) -> float:
        """Output tokens per second, averaged over the life."""
        return self.lifetime_tokens / self.life_s

    @property
    def peak_tokens_per_s(self) -> float:
        """Output tokens per second that the deployments must carry."""
        return self.mean_tokens_per_s * self.peak_to_mean

    def scaled(self, factor: float) -> "Traffic":
        """Multiply the tokens of the traffic, all else as it is."""
        return replace(self, lifetime_tokens=factor * self.lifetime_tokens)

    def served(self, *, tokens_per_s: Values, num_gpus: Values, usd_per_gpu_hour: Values) -> LifetimeServing:
        """The deployments that carry it, and their dollars over the life.

        Stated as a rate: n · GPUs · life · USD/s of n = ⌈peak ÷ tokens/s⌉ whole deployments. Stated as tokens:
        GPUs · tokens ÷ (tokens/s · utilisation) · USD/s, of fractions of deployments that are always used so; the
        whole ones that would give them in the life are told beside.

        Args:
            tokens_per_s: Output tokens per second of one deployment within the limits; 0 where none keeps them.
            num_gpus: GPUs of one deployment.
            usd_per_gpu_hour: Price of a GPU hour.
        """
        load = self.peak_tokens_per_s / self.utilisation
        fleet = carried(load, tokens_per_s=tokens_per_s, num_gpus=num_gpus, usd_per_gpu_hour=usd_per_gpu_hour)
        gpu_s = self._gpu_s(tokens_per_s, num_gpus)
        return LifetimeServing(
            deployments=fleet.deployments,
            num_gpus=fleet.num_gpus,
            utilisation=fleet.utilisation * self.utilisation,
            usd_per_hour=fleet.usd_per_hour,
            gpu_s=gpu_s,
            usd=self.usd(tokens_per_s=tokens_per_s, num_gpus=num_gpus, usd_per_gpu_hour=usd_per_gpu_hour),
        )

    def usd(self, *, tokens_per_s: Values, num_gpus: Values, usd_per_gpu_hour: Values) -> Values:
        """The dollars alone of :meth:`served`; infinite where one deployment carries nothing."""
        usd = self._gpu_s(tokens_per_s, num_gpus) * usd_per_gpu_hour / SECONDS_PER_HOUR
        return np.where(np.asarray(tokens_per_s) > 0, usd, np.inf)

    def _gpu_s(self, tokens_per_s: Values, num_gpus: Values) -> Values:
        """GPU-seconds that are paid for; 0 where one deployment carries nothing."""
        serves = np.asarray(tokens_per_s) > 0
        if self.rated:
            return deployments_for(self.peak_tokens_per_s, tokens_per_s) * num_gpus * self.life_s
        rate = np.where(serves, tokens_per_s, 1.0) * self.utilisation
        return np.where(serves, num_gpus * self.lifetime_tokens / rate, 0.0)
