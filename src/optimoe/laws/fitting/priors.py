"""What is known of coefficients before a fit: normal priors in the coordinates of the fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import logarithmic

LEAST_SHARE = 1e-8
"""Of the largest variance (coefficients in units of their own spread): fewer draws than coefficients leave
directions without any, and a prior cannot be infinitely sure of them."""


@dataclass(frozen=True, kw_only=True)
class GaussianPrior:
    """A normal distribution of some coefficients, in the coordinates of a fit.

    A coordinate is the coefficient, or its natural logarithm where the family bounds it above zero (A, B, x_max):
    a standard deviation of 0.1 is then 10 %.

    Attributes:
        names: The coefficients.
        mean: Of the coordinates.
        covariance: Of the coordinates.
        logs: Which of the coefficients are logarithms in it.
        source: Where it comes from, in words.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    logs: tuple[str, ...] = ()
    source: str = "assumed"

    def __post_init__(self) -> None:
        size = len(self.names)
        require(len(set(self.names)) == size, "prior", "one mean a coefficient", ", ".join(self.names))
        require(len(self.mean) == size, "prior: mean", f"of {size} numbers", len(self.mean))
        shape = np.shape(self.covariance)
        require(shape == (size, size), "prior: covariance", f"of shape {(size, size)}", shape)
        require(np.isfinite(self.mean).all(), "prior: mean", "of finite numbers", self.mean)
        least = float(np.linalg.eigvalsh(np.array(self.covariance)).min()) if size else 1.0
        require(least > 0, "prior: covariance", "positive definite", f"a least eigenvalue of {least:g}")

    def std(self, name: str) -> float:
        """Standard deviation of one coordinate."""
        row = self.names.index(name)
        return float(self.covariance[row][row]) ** 0.5

    def matrix(self) -> Float[np.ndarray, "names names"]:
        """The covariance as an array."""
        return np.array(self.covariance)


def independent_prior(
    family: str, stated: Mapping[str, tuple[float, float]], source: str = "assumed"
) -> GaussianPrior:
    """A prior from a mean and a standard deviation of each coefficient, such as ``{"rho": (0.5, 0.15)}``.

    Args:
        family: Name of the family.
        stated: The mean is that of the coefficient itself; the deviation is that of its coordinate (relative where
            the family fits a logarithm).
        source: In words.

    Raises:
        UnknownNameError: The family has no such coefficient.
        ConfigError: A deviation is not positive, or the mean of a logarithm is not.
    """
    logs = logarithmic(family)
    mean = []
    for name, (middle, std) in stated.items():
        require(0 < std < float("inf"), f"prior of {name}: standard deviation", "positive", std)
        _require_coefficient(family, name)
        require(middle > 0 or name not in logs, f"prior of {name}: mean", "positive", middle)
        mean.append(float(np.log(middle)) if name in logs else float(middle))
    return GaussianPrior(
        names=tuple(stated),
        mean=tuple(mean),
        covariance=_rows(np.diag([std**2 for _, std in stated.values()])),
        logs=tuple(name for name in stated if name in logs),
        source=source,
    )


def prior_of_draws(
    family: str, draws: Mapping[str, tuple[float, ...] | Float[np.ndarray, " draws"]], source: str
) -> GaussianPrior:
    """Mean and covariance over the draws of a law, in the coordinates of a fit of its family.

    Coefficients that do not vary over the draws are left out: they are known, and a fit holds them fixed.

    Raises:
        UnknownNameError: The family has no such coefficient.
        ConfigError: There are fewer than two draws, or none varies.
    """
    logs = logarithmic(family)
    columns = {}
    for name, values in draws.items():
        _require_coefficient(family, name)
        column = np.asarray(values, dtype=float)
        require(len(column) > 1, f"draws of {name}", "at least two", len(column))
        require(name not in logs or (column > 0).all(), f"draws of {name}", "positive", column)
        columns[name] = np.log(column) if name in logs else column
    columns = {name: column for name, column in columns.items() if np.ptp(column) > 0}
    if not columns:
        raise ConfigError(f"{source}: its draws do not vary, so they say nothing of how sure it is")
    table = np.stack(list(columns.values()))
    size = table.std(axis=1, ddof=1)
    correlation = np.atleast_2d(np.corrcoef(table))
    values, vectors = np.linalg.eigh(correlation)
    values = np.maximum(values, LEAST_SHARE * values.max())
    covariance = (vectors * values) @ vectors.T * np.outer(size, size)
    return GaussianPrior(
        names=tuple(columns),
        mean=tuple(map(float, table.mean(axis=1))),
        covariance=_rows((covariance + covariance.T) / 2),
        logs=tuple(name for name in columns if name in logs),
        source=source,
    )


def _require_coefficient(family: str, name: str) -> None:
    known = find_family(family).free
    if name not in known:
        raise UnknownNameError(f"family {family}: coefficient", name, known)


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in matrix)
