"""Powers of compute: the exponent of a best size or number of tokens, with its interval from draws."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NAN = float("nan")
FEWEST_DRAWN = 0.5
"""Share of draws that must have an optimum for an interval to be stated."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval over draws; NaN where there is none.

    Attributes:
        value: The number.
        low: Lower end.
        high: Upper end.
        level: Of the interval, such as 0.9.
    """

    value: float
    low: float = NAN
    high: float = NAN
    level: float = 0.9


def estimate(value: float, draws: Float[np.ndarray, " draws"], level: float) -> Estimate:
    """A number with the percentiles of its draws, of which half at least must be numbers."""
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, FEWEST_DRAWN * len(draws)):
        return Estimate(value=float(value), level=level)
    low, high = np.quantile(known, (0.5 - level / 2, 0.5 + level / 2))
    return Estimate(value=float(value), low=float(low), high=float(high), level=level)


def exponent(
    train_flops: Float[np.ndarray, " budgets"],
    optima: Float[np.ndarray, " budgets"],
    draws: Float[np.ndarray, "draws budgets"],
    level: float,
) -> Estimate:
    """The exponent a of optimum ∝ C^a: least squares of ln optimum on ln C; NaN with fewer than two budgets.

    Args:
        train_flops: C of each budget.
        optima: The best size or tokens there.
        draws: The same, one row a draw.
        level: Of the interval.
    """
    if len(train_flops) < 2:
        return Estimate(value=NAN, level=level)
    return estimate(
        float(_slopes(train_flops, optima[None])[0]),
        _slopes(train_flops, draws.reshape(-1, len(train_flops))),
        level,
    )


def _slopes(
    train_flops: Float[np.ndarray, " budgets"], optima: Float[np.ndarray, "draws budgets"]
) -> Float[np.ndarray, " draws"]:
    """Slope of ln optimum on ln C, row by row, over the budgets with an optimum there; NaN of fewer than two."""
    known = np.isfinite(optima)
    weight = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    log_flops, log_optimum = np.log(train_flops), np.log(np.where(known, optima, 1.0))
    offset = log_flops - (weight * log_flops).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (weight * offset * log_optimum).sum(axis=1) / (weight * offset**2).sum(axis=1)
    return np.where(known.sum(axis=1) > 1, slopes, np.nan)
