"""A law at every one of its draws, and numbers with the intervals that draws give them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.gradients import FittableLaw
from optimoe.laws.law import LawRow
from optimoe.laws.loss_law import ArchLaw, LossLaw

NAN = float("nan")
FEWEST_DRAWN = 0.5
"""Share of draws that must have an optimum for an interval to be stated."""


@dataclass(frozen=True, kw_only=True)
class DrawnNumber:
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


def estimate(value: float, draws: Float[np.ndarray, " draws"], level: float) -> DrawnNumber:
    """A number with the percentiles of its draws, of which half at least must be numbers."""
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, FEWEST_DRAWN * len(draws)):
        return DrawnNumber(value=float(value), level=level)
    low, high = np.quantile(known, (0.5 - level / 2, 0.5 + level / 2))
    return DrawnNumber(value=float(value), low=float(low), high=float(high), level=level)


def exponent(
    train_flops: Float[np.ndarray, " budgets"],
    optima: Float[np.ndarray, " budgets"],
    draws: Float[np.ndarray, "draws budgets"],
    level: float,
) -> DrawnNumber:
    """The exponent a of optimum ∝ C^a: least squares of ln optimum on ln C; NaN with fewer than two budgets.

    Args:
        train_flops: C of each budget.
        optima: The best size or tokens there.
        draws: The same, one row a draw.
        level: Of the interval.
    """
    if len(train_flops) < 2:
        return DrawnNumber(value=NAN, level=level)
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


def with_draws(law: LawRow) -> FittableLaw:
    """The law with coefficients of shape (1 + draws, 1): its own first; those that have no draws stay numbers."""
    columns = {
        name: np.concatenate([[value], law.draws[name]])[:, None] if law.draws.get(name) else value
        for name, value in law.coefficients.items()
    }
    return find_family(law.family)(law.with_coefficients(columns))


def drawn_law(name: str, draws: int, seed: int = 0) -> LawRow:
    """A law by name or file with its own draws, with those that its stated scatter and range allow, or with none.

    Args:
        name: Of the library, or a law file.
        draws: How many; 0 leaves a law without draws as it is.
        seed: Of the draws.

    Raises:
        UnknownNameError: No such law; lists the nearest.
        InputError: It cannot be right as printed, or has no published coefficients.
    """
    law = find_law(name)
    law.require_consistent()
    if isinstance(law, ArchLaw):
        law.require_usable()
    if law.row.draws or not draws or not isinstance(law, LossLaw):
        return law.row
    try:
        many = law_draws(law, draws, seed=seed).row.coefficients
    except InputError:  # no scatter or no range is stated, or the family cannot be fitted
        return law.row
    columns = {key: tuple(np.ravel(value).tolist()) for key, value in many.items() if np.size(value) > 1}
    return replace(law.row, draws=columns)
