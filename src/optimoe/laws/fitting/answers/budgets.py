"""Runs of equal training FLOPs: which are of which budget, what varies along it, where its loss is lowest."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.interpolate import PchipInterpolator

from optimoe.core.errors import require
from optimoe.laws.runs import Observations

FEWEST_SIZES = 4
"""Through three sizes a parabola always passes, and says nothing."""
LINEAR_REL = 1e-6
"""Tokens that follow a power of the size this closely, as at C = 6ND, can be followed beyond the runs."""
FAR = float(np.log(1e3))
"""How far beyond the sizes of a budget it is followed where everything is a power of the size."""
NEAR = float(np.log(2))
"""The same where a curve through the runs is all that is known."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The runs of one budget.

    Attributes:
        train_flops: C: the label where it is a number, else the geometric mean of C, or of 6ND.
        size: The variable that is traded against tokens.
        variables: Of its runs, by symbol.
        loss: Of its runs, nats per token.
        near: Runs around the lowest loss, by position.
    """

    train_flops: float
    size: str
    variables: dict[str, Float[np.ndarray, " runs"]]
    loss: Float[np.ndarray, " runs"]
    near: Int[np.ndarray, " window"]

    @property
    def params(self) -> Float[np.ndarray, " runs"]:
        """Sizes of its runs."""
        return self.variables[self.size]

    @cached_property
    def _curves(self) -> dict[str, "PchipInterpolator | np.poly1d"]:
        """Every other variable that varies, as a curve in ln size: a straight line where it is one."""
        log_size, which = np.unique(np.log(self.params), return_inverse=True)
        curves = {}
        for name, column in self.variables.items():
            if name == self.size or np.ptp(column) == 0:
                continue
            means = np.bincount(which, weights=_log_of(column)) / np.bincount(which)
            line = np.poly1d(np.polyfit(log_size, means, 1))
            straight = np.abs(line(log_size) - means).max() <= LINEAR_REL
            curves[name] = line if straight else PchipInterpolator(log_size, means, extrapolate=True)
        return curves

    @property
    def reach(self) -> float:
        """How far beyond its sizes, in ln size, it is known what the other variables are."""
        return FAR if all(isinstance(curve, np.poly1d) for curve in self._curves.values()) else NEAR

    def at(self, params: Float[np.ndarray, "*shape"]) -> dict[str, Float[np.ndarray, "*shape"]]:
        """All variables at other sizes of the same budget, read off its runs."""
        values = {name: np.full(np.shape(params), column[0]) for name, column in self.variables.items()}
        for name, curve in self._curves.items():
            found = curve(np.log(params))
            values[name] = found if (self.variables[name] <= 0).any() else np.exp(found)
        return values | {self.size: params}


def _log_of(column: Float[np.ndarray, " runs"]) -> Float[np.ndarray, " runs"]:
    """The logarithm, but of a share that may be zero the share itself."""
    return column if (column <= 0).any() else np.log(column)


def find_budgets(
    observations: Observations, size: str, *, label: str = "", window: int = 7, tolerance: float = 0.1
) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """Runs by budget, ascending, and what was left out because it has fewer than four sizes, in words.

    Args:
        observations: The runs.
        size: The variable that is traded against tokens, N or N_act.
        label: Label or variable that holds the budget; otherwise runs whose C lies within ``tolerance``.
        window: How many sizes around the lowest loss are near it.
        tolerance: Relative.

    Raises:
        ConfigError: No budget has four sizes.
        UnknownNameError: No such label or variable.
    """
    require(window >= FEWEST_SIZES, "window", f"at least {FEWEST_SIZES} sizes", window)
    found, skipped = [], []
    for name, rows in _groups(observations, label, tolerance).items():
        sizes = len(np.unique(observations.column(size)[rows]))
        if sizes < FEWEST_SIZES:
            skipped.append(f"{name}: {sizes} {'size' if sizes == 1 else 'sizes'}")
            continue
        loss = observations.loss[rows]
        found.append(
            Budget(
                train_flops=_flops(name, observations.size[rows]),
                size=size,
                variables={symbol: column[rows] for symbol, column in observations.variables.items()},
                loss=loss,
                near=_near(observations.column(size)[rows], loss, window),
            )
        )
    require(found, "observations", f"with {FEWEST_SIZES} sizes at one budget", "; ".join(skipped[:3]) or "none")
    return tuple(sorted(found, key=lambda budget: budget.train_flops)), tuple(skipped)


def _groups(observations: Observations, label: str, tolerance: float) -> dict[str, Int[np.ndarray, " rows"]]:
    """Rows by the name of their budget."""
    if label:
        names = observations.any_column(label)
        return {_name(value): np.flatnonzero(names == value) for value in dict.fromkeys(names.tolist())}
    flops = observations.size
    order = np.argsort(flops)
    starts = np.flatnonzero(np.diff(np.log(flops[order])) > np.log1p(tolerance)) + 1
    return {_name(float(np.median(flops[rows]))): rows for rows in np.split(order, starts)}


def _name(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _flops(name: str, flops: Float[np.ndarray, " runs"]) -> float:
    try:
        return float(name)
    except ValueError:
        return float(np.exp(np.log(flops).mean()))


def _near(
    params: Float[np.ndarray, " runs"], loss: Float[np.ndarray, " runs"], window: int
) -> Int[np.ndarray, " near"]:
    """Runs of the ``window`` sizes around the one with the lowest mean loss, by position."""
    sizes, which = np.unique(params, return_inverse=True)
    lowest = int(np.argmin(np.bincount(which, weights=loss) / np.bincount(which)))
    first = int(np.clip(lowest - window // 2, 0, max(len(sizes) - window, 0)))
    return np.flatnonzero((which >= first) & (which < first + window))
