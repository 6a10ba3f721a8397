"""How a loss moves with each coefficient: by the law's own formula, or by differences."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, require
from optimoe.laws.law import FitForm, LawRow

STEP_REL = 5e-4
"""Step h of the differences relative to the coefficient. Their error is h⁴·L⁽⁵⁾/30, about 1e-10 for exponents of
sizes and tokens (h·ln N = 5e-3), against rounding of 1e-16/h = 2e-13 of L: the two balance near here."""
SMALLEST = 1e-4
"""A coefficient below this moves by steps of this: one that is zero must move too."""
WRONG_REL = 1e-4
"""A gradient this far from the differences is another formula: their own errors are a thousand times smaller."""
ROUNDING_REL = 1e-9
"""Of the loss: less than this, moved by a coefficient's own size, is rounding of the differences."""


@runtime_checkable
class FittableLaw(Protocol):
    """What a class of laws needs to be fitted: coefficients and a loss; a method ``gradient`` is faster.

    Attributes:
        family: Its name.
        free: The coefficients.
        linear: Those in which L (or ln L) is linear and homogeneous at fixed others.
        fit_form: Starts and bounds, or none.
        row: The coefficient set.
    """

    family: str
    free: tuple[str, ...]
    linear: tuple[str, ...]
    fit_form: FitForm | None
    row: LawRow

    def __init__(self, row: LawRow) -> None:
        """From coefficients."""

    def loss(self, **variables: Values) -> Values:
        """Nats per token; the parameters are the columns that a fit needs."""


if TYPE_CHECKING:
    FittableClass: TypeAlias = type[FittableLaw]
else:
    FittableClass: TypeAlias = type
    """A class of laws (a protocol with attributes cannot be checked on classes while running)."""


def required_variables(family: FittableClass) -> tuple[str, ...]:
    """Symbols of the columns that a fit of the family needs: parameters of its loss that have no default."""
    return tuple(name for name, needed in loss_variables(family).items() if needed)


def loss_variables(family: FittableClass) -> dict[str, bool]:
    """What a family's loss takes, by symbol, and whether it must be given."""
    parameters = list(inspect.signature(family.loss).parameters.values())[1:]
    return {parameter.name: parameter.default is inspect.Parameter.empty for parameter in parameters}


def gradient_of(law: FittableLaw, variables: Mapping[str, Values]) -> dict[str, Values]:
    """dL/dcoefficient by symbol: the law's own gradient, or :func:`differences` where it gives none.

    Raises:
        ConfigError: Its own gradient leaves a coefficient out.
    """
    own = getattr(law, "gradient", None)
    if own is None:
        return differences(law, variables)
    given: dict[str, Values] = own(**variables)
    for name in law.free:
        require(name in given, f"family {law.family}: gradient", f"given for {name} too", ", ".join(given))
    return given


def differences(law: FittableLaw, variables: Mapping[str, Values]) -> dict[str, Values]:
    """dL/dcoefficient by symbol, from four losses for each coefficient.

    (L(c − 2h) − 8·L(c − h) + 8·L(c + h) − L(c + 2h))/(12·h) with h = 5e-4·max(|c|, 1e-4), exact to 1e-9 and
    better where a coefficient moves the loss by more than a thousandth of it. A coefficient whose natural size
    is far below 1e-4 needs a gradient of its own, or another unit.

    Args:
        law: With coefficients that are numbers, or columns of shape (fits, 1).
        variables: Designs in its variables, each a number or of shape (runs,).
    """
    coefficients = law.row.coefficients

    def moved(name: str, step: Values) -> Values:
        row = law.row.with_coefficients({**coefficients, name: coefficients[name] + step})
        return np.asarray(type(law)(row).loss(**variables))

    gradient = {}
    for name in law.free:
        step = STEP_REL * np.maximum(np.abs(coefficients[name]), SMALLEST)
        near = moved(name, step) - moved(name, -step)
        far = moved(name, 2 * step) - moved(name, -2 * step)
        gradient[name] = (8 * near - far) / (12 * step)
    return gradient


def require_true_gradient(law: FittableLaw, variables: Mapping[str, Any]) -> None:
    """Check the gradient that a law gives against differences, at its coefficients and these designs.

    Args:
        law: With coefficients that are columns of shape (fits, 1).
        variables: Designs in its variables, each of shape (runs,).

    Raises:
        ConfigError: It is not the slope of the loss; the text names the coefficient and the worst place.
    """
    if not hasattr(law, "gradient"):
        return
    given = gradient_of(law, variables)
    loss = np.asarray(law.loss(**variables))
    for name, expected in differences(law, variables).items():
        slope = np.broadcast_to(given[name], loss.shape)
        size = np.maximum(np.abs(law.row.coefficients[name]), SMALLEST)
        allowed = WRONG_REL * np.abs(expected).max(axis=-1, keepdims=True) + ROUNDING_REL * loss / size
        excess = np.nan_to_num(np.abs(slope - expected) / allowed, nan=0.0, posinf=0.0)
        worst = np.unravel_index(int(np.argmax(excess)), loss.shape)
        if excess[worst] > 1:
            run = {symbol: np.asarray(value)[worst[-1]] for symbol, value in variables.items()}
            place = ", ".join(f"{symbol} = {value:.4g}" for symbol, value in run.items())
            raise ConfigError(
                f"family {law.family}: gradient of {name}: must be dL/d{name}, {expected[worst]:.6g} by "
                f"differences at {place}, got {slope[worst]:.6g}"
            )
