"""Percentiles of what was measured, each with the interval that so few requests leave it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
"""Those that are reported."""

CONFIDENCE = 0.95
"""Probability that an interval holds the percentile."""


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """A percentile of measured values and its interval.

    Attributes:
        percent: Share of the values that are at most as large, in percent.
        value: Of these values, with linear interpolation between neighbours as ``numpy.percentile`` does it.
        low, high: Interval of the percentile of all that could have been measured; −∞ or ∞ where there are too few
            values to bound it.
    """

    percent: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Values of one kind, such as the TTFT of every measured request.

    Attributes:
        count: How many.
        mean: Of them; NaN where there are none, as are the others.
        std: Standard deviation with n in the denominator, as vLLM's benchmark takes it.
        lowest, highest: Of them.
        percentiles: In rising order.
    """

    count: int
    mean: float
    std: float
    lowest: float
    highest: float
    percentiles: tuple[Percentile, ...]

    def at(self, percent: float) -> Percentile:
        """One of the percentiles; its values are NaN where it was not worked out."""
        unknown = Percentile(percent=percent, value=math.nan, low=-math.inf, high=math.inf)
        return next((one for one in self.percentiles if one.percent == percent), unknown)

    @property
    def median(self) -> float:
        """The middle value, the 50th percentile."""
        return self.at(50.0).value


def quantiles(values: Iterable[float], percents: Iterable[float] = PERCENTILES) -> Quantiles:
    """Mean, deviation and percentiles of values; NaN among them is left out.

    The interval of a percentile is distribution-free: of n independent values in rising order, the number that lie
    below the p-quantile is binomial(n, p), so that the l-th and the u-th value hold it with the probability
    P(l ≤ B < u) (David and Nagaraja, Order Statistics, 2003, section 7.1). Requests of one run are not independent
    where queues are long: the true interval is then wider.
    """
    found = np.array([value for value in values if not math.isnan(value)], dtype=float)
    found.sort()
    if not len(found):
        return Quantiles(count=0, mean=math.nan, std=math.nan, lowest=math.nan, highest=math.nan, percentiles=())
    at = tuple(_percentile(found, percent) for percent in percents)
    mean, std = float(found.mean()), float(found.std())
    return Quantiles(
        count=len(found), mean=mean, std=std, lowest=float(found[0]), highest=float(found[-1]), percentiles=at
    )


def _percentile(rising: np.ndarray, percent: float) -> Percentile:
    count, share = len(rising), percent / 100
    # at_most[k] is P(B ≤ k) of the binomial count of values below the quantile
    at_most = bdtr(np.arange(count + 1), count, share)
    tail = (1 - CONFIDENCE) / 2
    lower = int(np.searchsorted(at_most, tail, side="right"))  # largest l with P(B < l) ≤ tail
    upper = int(np.searchsorted(at_most, 1 - tail, side="left")) + 1  # least u with P(B ≥ u) ≤ tail
    return Percentile(
        percent=percent,
        value=float(np.percentile(rising, percent)),
        low=float(rising[lower - 1]) if lower >= 1 else -math.inf,
        high=float(rising[upper - 1]) if upper <= count else math.inf,
    )
