"""Runs of equal training FLOPs: which are of which budget, what varies along it, where its loss is lowest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from optimoe.core.errors import require
from optimoe.laws.runs import Observations

FEWEST_SIZES = 4
"""Through three sizes a parabola always passes, and says nothing."""
NAMED = {"r": "ratios"}
"""What else than sizes may vary along a budget, in words."""
SAME_SIZE = 0.05
"""Sizes this close are one point of a parabola: read off a figure, one model's size varies by some per cent."""
STRAIGHT = 1e-6
"""What follows a power of the size this closely can be followed beyond the runs."""
ROUNDING = 1 + 1e-9
"""Runs that lie at the very end of the tolerance lie inside it."""
PARABOLA = 3
"""Numbers that a parabola has."""
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
        loss: Of its runs, nats per token, moved to the budget where their own FLOPs differ from it.
        near: Runs around the lowest loss, by position.
        six: Whether C is 6ND of the runs themselves; else the FLOPs per parameter and token follow from them.
    """

    train_flops: float
    size: str
    variables: dict[str, Float[np.ndarray, " runs"]]
    loss: Float[np.ndarray, " runs"]
    near: Int[np.ndarray, " window"]
    six: bool

    @property
    def params(self) -> Float[np.ndarray, " runs"]:
        """Sizes of its runs."""
        return self.variables[self.size]

    @cached_property
    def _curves(self) -> dict[str, np.poly1d]:
        """Every other variable that varies, as a polynomial in ln size.

        Tokens through the FLOPs per parameter and token: six, or a parabola in ln size, as where a budget leaves
        the head out. Others: a power of the size where they are one, or a parabola.
        """
        log_size = np.log(self.params)
        per_token = np.log(self.train_flops / (self.params * self.variables["D"]))
        shift = np.poly1d(np.polyfit(log_size, per_token, 0 if self.six or np.ptp(per_token) <= STRAIGHT else 2))
        curves = {"D": np.poly1d([-1.0, float(np.log(self.train_flops))]) - shift}
        for name, column in self.variables.items():
            if name in (self.size, "D") or np.ptp(column) == 0:
                continue
            line = np.poly1d(np.polyfit(log_size, _log_of(column), 1))
            straight = np.abs(line(log_size) - _log_of(column)).max() <= STRAIGHT
            curves[name] = line if straight else np.poly1d(np.polyfit(log_size, _log_of(column), 2))
        return curves

    @property
    def reach(self) -> float:
        """How far beyond its sizes, in ln size, it is known what the other variables are."""
        return FAR if all(curve.order <= 1 for curve in self._curves.values()) else NEAR

    def at(self, params: Float[np.ndarray, "*shape"]) -> dict[str, Float[np.ndarray, "*shape"]]:
        """All variables at other sizes of the same budget, as they go along its runs."""
        values = {name: np.full(np.shape(params), column[0]) for name, column in self.variables.items()}
        for name, curve in self._curves.items():
            found = curve(np.log(params))
            values[name] = found if (self.variables[name] <= 0).any() else np.exp(found)
        return values | {self.size: params}


@dataclass(frozen=True, kw_only=True)
class Parabola:
    """A parabola through runs near the minimum of a budget: L = bend·x² + slope·x + height, x = ln N/N₀."""

    centre: float
    solver: Float[np.ndarray, "three window"]
    basis: Float[np.ndarray, "window three"]
    loss: Float[np.ndarray, " window"]

    @property
    def fitted(self) -> Float[np.ndarray, " window"]:
        """Loss on the parabola at the runs."""
        return np.asarray(self.basis @ (self.solver @ self.loss))

    @property
    def residual(self) -> Float[np.ndarray, " window"]:
        """Share by which each loss lies above its parabola, L_run/L_parabola − 1."""
        return self.loss / self.fitted - 1

    def minima(self, loss: Float[np.ndarray, "draws window"]) -> Float[np.ndarray, " draws"]:
        """N at the minimum for every row of losses; NaN where the parabola opens downwards."""
        bend, slope, _ = self.solver @ loss.T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(bend > 0, np.exp(self.centre - slope / (2 * bend)), np.nan)

    def height(self, params: float) -> float:
        """Loss on the parabola at a size."""
        return float(np.polyval(self.solver @ self.loss, np.log(params) - self.centre))


def parabola_of(budget: Budget) -> Parabola:
    """The parabola through the runs of a budget near its lowest loss."""
    log_size = np.log(budget.params[budget.near])
    centre = float(log_size.mean())
    basis = np.vander(log_size - centre, PARABOLA)
    return Parabola(centre=centre, solver=np.linalg.pinv(basis), basis=basis, loss=budget.loss[budget.near])


def redrawn(parabolas: Sequence[Parabola], resamples: int, seed: int) -> list[Float[np.ndarray, " draws"]]:
    """Minima of every parabola: of the runs, then of every resample."""
    widened = [one.residual * np.sqrt(len(one.loss) / (len(one.loss) - PARABOLA)) for one in parabolas]
    pool, random = np.concatenate(widened), np.random.default_rng(seed)
    found = []
    for one in parabolas:
        noise = random.choice(pool, (resamples, len(one.loss)))
        found.append(one.minima(np.vstack([one.loss, one.fitted * (1 + noise)])))
    return found


def _log_of(column: Float[np.ndarray, " runs"]) -> Float[np.ndarray, " runs"]:
    """The logarithm, but of a share that may be zero the share itself."""
    return column if (column <= 0).any() else np.log(column)


def find_budgets(
    observations: Observations, size: str, *, label: str = "", window: int = 7, tolerance: float = 0.1
) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """Runs by budget, ascending, and what was left out because it has fewer than four sizes, in words.

    Args:
        observations: The runs.
        size: The variable that is traded against tokens, N or N_act; or r, the ratio of expert to attention FLOPs.
        label: Label or variable that holds the budget; otherwise runs whose C lies within ``tolerance``.
        window: How many sizes around the lowest loss are near it.
        tolerance: Relative.

    Raises:
        ConfigError: No budget has four sizes.
        UnknownNameError: No such label or variable.
    """
    found, skipped = split_budgets(observations, size, label=label, window=window, tolerance=tolerance)
    what = NAMED.get(size, "sizes")
    require(found, "observations", f"with {FEWEST_SIZES} {what} at one budget", "; ".join(skipped[:3]) or "none")
    return found, skipped


def split_budgets(
    observations: Observations, size: str, *, label: str = "", window: int = 7, tolerance: float = 0.1
) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """What :func:`find_budgets` finds; none where no budget has four sizes."""
    require(window >= FEWEST_SIZES, "window", f"at least {FEWEST_SIZES} {NAMED.get(size, 'sizes')}", window)
    groups = _groups(observations, label, tolerance)
    sizes = {name: int(_points(observations.column(size)[rows]).max()) + 1 for name, rows in groups.items()}
    what = NAMED.get(size, "sizes")
    few = [name for name, count in sizes.items() if count < FEWEST_SIZES]
    skipped = tuple(f"{name}: {len(groups[name])} runs of {sizes[name]} {what}" for name in few if sizes[name] > 1)
    alone = sum(len(groups[name]) for name in few if sizes[name] == 1)
    skipped += (f"{alone} runs of other FLOPs",) if alone else ()
    kept = {name: rows for name, rows in groups.items() if sizes[name] >= FEWEST_SIZES}
    flops = {name: _flops(name, observations.size[rows]) for name, rows in kept.items()}
    loss = {name: observations.loss[rows] for name, rows in kept.items()}
    if kept and not label:
        slope = _slope(np.array(list(flops.values())), np.array([one.min() for one in loss.values()]))
        loss = {name: one * (observations.size[kept[name]] / flops[name]) ** -slope for name, one in loss.items()}
    found = [
        Budget(
            train_flops=flops[name],
            size=size,
            variables={symbol: column[rows] for symbol, column in observations.variables.items()},
            loss=loss[name],
            near=_near(observations.column(size)[rows], loss[name], window),
            six=not label and "C" not in observations.variables,
        )
        for name, rows in kept.items()
    ]
    return tuple(sorted(found, key=lambda budget: budget.train_flops)), skipped


def _slope(flops: Float[np.ndarray, " budgets"], lowest: Float[np.ndarray, " budgets"]) -> float:
    """Slope of ln L on ln C over the lowest losses; 0 of one budget.

    At the best size the loss moves with C as the lowest losses do (the envelope theorem), so that runs of a few
    per cent more FLOPs than their budget can be moved to it; without that their excess bends the parabola.
    """
    return float(np.polyfit(np.log(flops), np.log(lowest), 1)[0]) if len(flops) > 1 else 0.0


def _groups(observations: Observations, label: str, tolerance: float) -> dict[str, Int[np.ndarray, " rows"]]:
    """Rows by the name of their budget: labelled, or one after the other the C with most runs around it."""
    if label:
        names = observations.any_column(label)
        return {_name(value): np.flatnonzero(names == value) for value in dict.fromkeys(names.tolist())}
    log_flops = np.log(observations.size)
    apart, groups = np.ones(len(log_flops), dtype=bool), {}
    while apart.any():
        left = np.sort(log_flops[apart])
        above = np.searchsorted(left, left + np.log1p(tolerance), "right")
        densest = left[np.argmax(above - np.searchsorted(left, left - np.log1p(tolerance), "left"))]
        rows = np.flatnonzero(apart & (np.abs(log_flops - densest) <= np.log1p(tolerance) * ROUNDING))
        groups[_name(float(np.exp(np.median(log_flops[rows]))))] = rows
        apart[rows] = False
    return groups


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
    which = _points(params)
    num_sizes = int(which.max()) + 1
    lowest = int(np.argmin(np.bincount(which, weights=loss) / np.bincount(which)))
    first = int(np.clip(lowest - window // 2, 0, max(num_sizes - window, 0)))
    return np.flatnonzero((which >= first) & (which < first + window))


def _points(params: Float[np.ndarray, " runs"]) -> Int[np.ndarray, " runs"]:
    """The number of each run's size, ascending; sizes that are nearly one are one."""
    order = np.argsort(params)
    which = np.empty(len(params), dtype=int)
    which[order] = np.concatenate([[0], np.cumsum(np.diff(np.log(params[order])) > np.log1p(SAME_SIZE))])
    return which
