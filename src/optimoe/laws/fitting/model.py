"""A family of laws as the solver sees it: coordinates, bounds, starts, predictions with gradients."""

from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.catalog import find_family, published_rows
from optimoe.laws.fitting.solve import Points
from optimoe.laws.gradients import FittableClass, FittableLaw, gradient_of, loss_variables, require_true_gradient
from optimoe.laws.law import POSITIVE, FitForm, LawRow
from optimoe.laws.runs import Observations

UNBOUNDED = (-1e30, 1e30)
MAX_STARTS = 512
"""A larger grid, such as a user's, is sampled at random: with linear terms solved for, few starts do."""
GRID_SEED = 0
SPREAD = (0.6, 1.5)
"""Starts on both sides of a published coefficient."""
TINY_TERM = 1e-3
"""Where a positive term starts that fits best at zero or below: the logarithm of zero could not move."""
CHECKED_STARTS, CHECKED_RUNS = 16, 64
"""Enough to see a wrong slope anywhere in the runs' range, for about the cost of one iteration of a fit."""
EXPONENT_REACH = 20
"""Bounds of a nonlinear coefficient, in units of its largest published size."""
SCALE_REACH = 1e3
"""Bounds of a scale such as N_c or E_max, likewise."""
GRAM_RIDGE = 1e-12
"""Of the unit diagonal: terms that the runs cannot tell apart make the projection singular."""


def find_form(family: FittableClass) -> FitForm:
    """Where a fit looks: the family's own form, or a neighbourhood of its published coefficients; else nothing."""
    if family.fit_form is not None:
        return family.fit_form
    rows = [row for row in published_rows(family.family) if set(family.free) <= set(row.coefficients)]
    values = {name: np.array([row.coefficients[name] for row in rows]) for name in family.free if rows}
    return FitForm(
        grid={
            name: tuple(factor * float(np.median(value)) for factor in SPREAD)
            for name, value in values.items()
            if name not in family.linear
        },
        bounds={name: _usual_bounds(value, name in family.linear) for name, value in values.items()},
    )


def _usual_bounds(values: Float[np.ndarray, " rows"], linear: bool) -> tuple[float, float]:
    size = float(np.abs(values).max())
    if linear:
        return POSITIVE if (values > 0).all() else UNBOUNDED
    limit = EXPONENT_REACH * size + 1
    if (values > 10).all():  # no exponent is that large: a scale, fitted as its logarithm
        return (1 / SCALE_REACH, SCALE_REACH * size)
    return (0.0 if (values > 0).all() else -limit, 0.0 if (values < 0).all() else limit)


def _leader(name: str, tied: Mapping[str, str]) -> str:
    """The coefficient whose coordinate a tied one shares: the last of its chain of ties."""
    seen = [name]
    while seen[-1] in tied:
        seen.append(tied[seen[-1]])
        require(seen[-1] not in seen[:-1], "tie", "between different coefficients, once", " = ".join(seen))
    return seen[-1]


def _of_leaders(values: Mapping[str, Any], leaders: Mapping[str, str], what: str) -> dict[str, Any]:
    """Values by the coefficients that have a coordinate; those of a tied one are its leader's."""
    led: dict[str, Any] = {}
    for name, value in values.items():
        same = led.setdefault(leaders[name], value) == value
        require(same, f"{what} of {name}", f"those of {leaders[name]}, to which it is tied", value)
    return led


def logarithmic(family: str) -> frozenset[str]:
    """Coefficients bounded above zero: a fit moves them as logarithms, unless a user's own limits reach zero."""
    bounds = find_form(find_family(family)).bounds
    return frozenset(name for name, (low, _) in bounds.items() if low > 0)


def variables_of(family: FittableClass, observations: Observations) -> dict[str, Float[np.ndarray, " runs"]]:
    """The columns that a family's loss takes, by symbol; one with a default may be missing.

    Raises:
        UnknownNameError: Another is missing.
    """
    return {
        name: observations.column(name)
        for name, needed in loss_variables(family).items()
        if needed or name in observations.variables
    }


class Model:
    """A family on a table of runs.

    Attributes:
        family: The class of laws.
        names: Its coefficients that have a coordinate: all but those that are tied to another.
        followers: Coefficients that are tied to one of the names, and always have its value.
        variables: Its variables on these runs, by symbol; one with a default may be missing.
        low: Lower bounds of the coordinates.
        high: Upper bounds.
        is_log: Which coordinates are logarithms of coefficients.
        positive_terms: Linear coefficients that cannot be negative.
    """

    def __init__(
        self,
        observations: Observations,
        family: FittableClass,
        *,
        starts: Mapping[str, tuple[float, ...]],
        bounds: Mapping[str, tuple[float, float]],
        fixed: Mapping[str, float],
        tied: Mapping[str, str],
    ) -> None:
        for name in (*starts, *bounds, *fixed, *tied, *tied.values()):
            if name not in family.free:
                raise UnknownNameError(f"family {family.family}: coefficient", name, family.free)
        leaders = {name: _leader(name, tied) for name in family.free}
        self.family, self.names = family, tuple(name for name in family.free if leaders[name] == name)
        self.followers = {
            name: tuple(one for one in family.free if leaders[one] == name != one) for name in self.names
        }
        form = find_form(family)
        limits = {name: form.bounds.get(name, UNBOUNDED) for name in family.free} | dict(bounds)
        starts, fixed = _of_leaders(starts, leaders, "starts"), _of_leaders(fixed, leaders, "fixed")
        for follower, name in leaders.items():
            limits[name] = self._common_limits(follower, name, limits)
        self._grid = form.grid | starts | {name: (value,) for name, value in fixed.items()}
        self._row = LawRow(
            name=family.family,
            family=family.family,
            source="",
            status="fitted",
            n_convention="",
            coefficients={},
        )
        self.log_loss = np.log(observations.loss)
        self.variables = variables_of(family, observations)
        self.is_log = np.array([limits[name][0] > 0 and fixed.get(name, 1) > 0 for name in self.names])
        limits |= {name: (value, value) for name, value in fixed.items()}
        self.low, self.high = (
            self.coordinates({name: limits[name][side] for name in self.names}) for side in (0, 1)
        )
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            require(low <= high, f"bounds of {name}", "low ≤ high", limits[name])
        self._linear = [name for name in family.linear if name in self.names and name not in self._grid]
        self.positive_terms = {name for name in family.linear if limits[name][0] >= 0}

    def _common_limits(
        self, follower: str, name: str, limits: Mapping[str, tuple[float, float]]
    ) -> tuple[float, float]:
        """Limits of a coefficient that hold for one that is tied to it, too."""
        (low, high), (other_low, other_high) = limits[name], limits[follower]
        linear = self.family.linear
        alike = (follower in linear) == (name in linear) and (low > 0) == (other_low > 0)
        require(alike, f"tie of {follower} and {name}", "between two exponents or two factors", "one of each")
        return max(low, other_low), min(high, other_high)

    def law(self, coefficients: Mapping[str, Any]) -> FittableLaw:
        """The family with these coefficients (numbers, or columns of shape (fits, 1))."""
        return self.family(self._row.with_coefficients(coefficients))

    def coordinates(self, coefficients: Mapping[str, Any]) -> Float[np.ndarray, "*fits coordinates"]:
        """Coefficients as the solver moves them: logarithms of those bounded above zero."""
        values = np.stack(np.broadcast_arrays(*(coefficients[name] for name in self.names)), axis=-1)
        values = values.astype(float)
        values[..., self.is_log] = np.log(values[..., self.is_log])
        return values

    def coefficients(self, points: Float[np.ndarray, "*fits coordinates"]) -> dict[str, Any]:
        """Coordinates back to coefficients, each of shape (fits,)."""
        values = np.where(self.is_log, np.exp(np.where(self.is_log, points, 0.0)), points)
        return self._with_followers({name: values[..., column] for column, name in enumerate(self.names)})

    def _with_followers(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of all coefficients, in the family's order, from those that have a coordinate."""
        led = dict(values)
        for name, followers in self.followers.items():
            led |= {follower: values[name] for follower in followers if name in values}
        return {name: led[name] for name in self.family.free if name in led}

    def slopes(self, gradient: Mapping[str, Any], name: str) -> Any:
        """The slope by a coefficient and by those that are tied to it, together."""
        return sum((gradient[follower] for follower in self.followers[name]), gradient[name])

    def predict(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """(ln L of shape (fits, runs), d ln L/d coordinates of shape (fits, coordinates, runs))."""
        columns = {name: value[:, None] for name, value in self.coefficients(points).items()}
        law = self.law(columns)
        loss, gradient = law.loss(**self.variables), gradient_of(law, self.variables)
        loss = np.broadcast_to(loss, (len(points), len(self.log_loss)))
        jacobian = np.empty((len(points), len(self.names), len(self.log_loss)))
        per_loss = 1 / loss
        for number, name in enumerate(self.names):
            chain = columns[name] * per_loss if self.is_log[number] else per_loss
            np.multiply(self.slopes(gradient, name), chain, out=jacobian[:, number])
        with np.errstate(invalid="ignore", divide="ignore"):  # a step to a loss below zero is rejected as NaN
            return np.log(loss), jacobian

    def check_gradient(self, starts: Points) -> None:
        """Compare a gradient that the law gives with differences, at some of the starts and runs.

        Raises:
            ConfigError: It is not the slope of the loss; the text names the coefficient.
        """
        rows = np.unique(np.linspace(0, len(self.log_loss) - 1, CHECKED_RUNS).astype(int))
        fits = np.unique(np.linspace(0, len(starts) - 1, CHECKED_STARTS).astype(int))
        columns = {name: value[:, None] for name, value in self.coefficients(starts[fits]).items()}
        with np.errstate(all="ignore"):
            require_true_gradient(
                self.law(columns), {symbol: column[rows] for symbol, column in self.variables.items()}
            )

    def starts(self) -> Points:
        """Every combination of the grid, with the linear coefficients solved for (variable projection)."""
        names = [name for name in self.names if name in self._grid]
        missing = set(self.names) - set(names) - set(self._linear)
        if missing:
            listed = ", ".join(sorted(missing))
            raise ConfigError(f"family {self.family.family}: no starting values for {listed} (give fit_form.grid)")
        grid = np.array(list(product(*(self._grid[name] for name in names))), dtype=float)
        if len(grid) > MAX_STARTS and self._linear:
            grid = np.random.default_rng(GRID_SEED).permutation(grid)[:MAX_STARTS]
        coefficients = {name: grid[:, column] for column, name in enumerate(names)}
        if self._linear:
            coefficients |= self._project(coefficients, len(grid))
        points = self.coordinates(coefficients)
        return np.clip(points, self.low, self.high)

    def _project(self, coefficients: Mapping[str, Any], fits: int) -> dict[str, np.ndarray]:
        """The linear coefficients that fit best at given nonlinear ones.

        With L = offset + Σ c_j·φ_j: least Σ ((offset + Σ c_j·φ_j)/L_i − 1)². Where ln L is what is linear:
        least Σ (offset + Σ c_j·φ_j − ln L_i)². Of coefficients that cannot be negative, the best of all
        subsets that come out positive; the others start tiny.
        """
        columns = {name: np.asarray(value)[:, None] for name, value in coefficients.items()}
        runs = len(self.log_loss)
        columns = self._with_followers(columns | {name: np.ones((fits, 1)) for name in self._linear})
        law = self.law(columns)
        with np.errstate(all="ignore"):
            gradient, loss = gradient_of(law, self.variables), law.loss(**self.variables)
            terms = sum(columns[name] * gradient[name] for name in self.family.linear)
            log_linear = np.allclose(terms / loss, np.log(loss), equal_nan=True)
            unit, value = (loss, np.log(loss)) if log_linear else (np.exp(self.log_loss), loss)
            basis = np.stack(
                [np.broadcast_to(self.slopes(gradient, name) / unit, (fits, runs)) for name in self._linear], 1
            )
            value = value if log_linear else value / unit
            target = (self.log_loss if log_linear else 1.0) - (value - basis.sum(axis=1))
        positive = np.array([name in self.positive_terms for name in self._linear])
        return dict(zip(self._linear, _nonnegative(basis, target, positive).T, strict=True))


def _nonnegative(
    basis: Float[np.ndarray, "fits terms runs"],
    target: Float[np.ndarray, "fits runs"],
    positive: Bool[np.ndarray, " terms"],
) -> Float[np.ndarray, "fits terms"]:
    """Least squares for every row at once, some coefficients positive: the best subset of the terms."""
    fits, terms, runs = basis.shape
    size = np.sqrt(np.mean(basis**2, axis=2))
    size = np.where((size > 0) & np.isfinite(size), size, 1.0)
    unit = np.nan_to_num(basis / size[:, :, None])
    gram = unit @ unit.transpose(0, 2, 1) / runs
    moment = (unit @ np.nan_to_num(target)[:, :, None])[:, :, 0] / runs
    best, lowest = np.full((fits, terms), TINY_TERM), np.full(fits, np.inf)
    # All terms first: with two or three linear coefficients the subsets are few, and a full solution that is
    # allowed has the least misfit.
    for count in range(terms, 0, -1):
        for chosen in combinations(range(terms), count):
            if any(not positive[term] and term not in chosen for term in range(terms)):
                continue
            part = np.ix_(range(fits), chosen, chosen)
            solved = np.linalg.solve(gram[part] + GRAM_RIDGE * np.eye(count), moment[:, chosen, None])[:, :, 0]
            misfit = -(solved * moment[:, chosen]).sum(axis=1)
            allowed = ((solved > 0) | ~positive[list(chosen)]).all(axis=1) & (misfit < lowest)
            lowest[allowed] = misfit[allowed]
            best[allowed] = np.where(positive, TINY_TERM, 0.0)
            best[np.ix_(allowed, chosen)] = solved[allowed]
    return best / size
