"""How far predicted latencies are from measured ones: ln(predicted/measured)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require

NEAR = 0.2
QUANTILES = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Errors of one latency over records.

    Attributes:
        median_error: Median of |ln(predicted/measured)|.
        p90_error: 90 % of the records are within this.
        bias: Median of ln(predicted/measured): above 0 is too slow.
        within_20: Share of the records with less than ln 1.2.
        low: 5 % quantile of predicted/measured.
        high: 95 % quantile.

    Raises:
        ConfigError: A figure is none that errors can have.
    """

    median_error: float
    p90_error: float
    bias: float
    within_20: float
    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("median_error", "p90_error"):
            require(0 <= getattr(self, name) < np.inf, name, "zero or more and finite", getattr(self, name))
        require(abs(self.bias) < np.inf, "bias", "finite", self.bias)
        require(0 <= self.within_20 <= 1, "within_20", "a share from 0 to 1", self.within_20)
        require(
            0 <= self.low <= self.high < np.inf, "low", "from zero to high, both finite", (self.low, self.high)
        )


@dataclass(frozen=True, kw_only=True)
class LatencyErrors:
    """Errors of both latencies of one model over one set of records.

    Attributes:
        tpot: Time per output token.
        ttft: Time to first token.
    """

    tpot: Accuracy
    ttft: Accuracy


def accuracy(log_error: Float[np.ndarray, " records"]) -> Accuracy:
    """Summarise the errors ln(predicted/measured) of records in numbers."""
    size = np.abs(log_error)
    low, high = np.exp(np.quantile(log_error, QUANTILES))
    return Accuracy(
        median_error=float(np.median(size)),
        p90_error=float(np.quantile(size, 0.9)),
        bias=float(np.median(log_error)),
        within_20=float(np.mean(size < np.log(1 + NEAR))),
        low=float(low),
        high=float(high),
    )


def latency_errors(log_error: Float[np.ndarray, "latencies records"]) -> LatencyErrors:
    """Summarise the errors of TPOT, the first row, and of TTFT, the second."""
    return LatencyErrors(tpot=accuracy(log_error[0]), ttft=accuracy(log_error[1]))
