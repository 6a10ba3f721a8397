"""How sure a fit is: bootstrap over runs, profiles of the objective, bands around predictions."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.core.progress import counting
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.fit import Fit
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.objectives import Objective
from optimoe.laws.fitting.setup.objective import residual_scale
from optimoe.laws.fitting.setup.problem import make_model, make_problem
from optimoe.laws.fitting.setup.sample import LARGE_TABLE
from optimoe.laws.fitting.setup.steps import bundled, stepped
from optimoe.laws.fitting.solve import solve
from optimoe.laws.runs import Observations
from optimoe.laws.terms.band import BAND_Z

AT_LIMIT = 1e-4
"""Relative distance from a limit of the fit, absolute from zero, that counts as the limit."""

PROFILE_REACH = 6.0
"""Standard errors that a profile reaches at 90 %: flat profiles end far beyond what the curvature promises."""
PROFILE_POINTS = 12
"""Points on each side, half a standard error apart: the signed root between them is nearly straight."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a coefficient may lie.

    Attributes:
        low: Lower end; 0 or minus infinity where the profile does not rise enough, or refits reach a limit.
        high: Upper end; infinity likewise.
        std_error: Standard deviation over resamples, or from the curvature; NaN when there is none.
        level: Such as 0.9.
        method: ``bootstrap`` (percentiles) or ``profile``.
    """

    low: float
    high: float
    std_error: float
    level: float
    method: Literal["bootstrap", "profile"]


@dataclass(frozen=True, kw_only=True)
class Resamples:
    """Refits on resampled runs.

    Attributes:
        coefficients: By symbol, one value a resample.
        residual: ln L_run − ln L_law of the original fit, for bands of single runs.
        cluster: What was drawn together: a label, or ``row``.
        converged: Share of the refits that converged; the others are kept.
        unidentified: Coefficients without an interval, and why: fixed, held, at a limit, traded against others.
        limits: Of the fit, by coefficient: an end of an interval there is none.
        at_limit: Coefficients whose fitted value is a limit itself; their interval has one side.
    """

    coefficients: dict[str, Float[np.ndarray, " resamples"]]
    residual: Float[np.ndarray, " runs"]
    cluster: str
    converged: float
    unidentified: dict[str, str] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    at_limit: tuple[str, ...] = ()

    def intervals(self, level: float = 0.9) -> dict[str, Interval]:
        """Percentile intervals of the coefficients that the runs identify, and one side for those at a limit.

        An end where refits reach the limit of the fit is infinite: the runs do not bound the coefficient there.
        """
        _require_level(level)
        return {
            name: self._interval(name, values, level)
            for name, values in self.coefficients.items()
            if name not in self.unidentified or name in self.at_limit
        }

    def _interval(self, name: str, values: Float[np.ndarray, " resamples"], level: float) -> Interval:
        tail = (1 - level) / (1 if name in self.at_limit else 2)
        low, high = (float(np.quantile(values, end)) for end in (tail, 1 - tail))
        least, most = self.limits.get(name, (-np.inf, np.inf))
        return Interval(
            low=-np.inf if _reaches(least, low) else low,
            high=np.inf if _reaches(most, high) else high,
            std_error=float(values.std(ddof=1)),
            level=level,
            method="bootstrap",
        )


@dataclass(frozen=True, kw_only=True)
class Band:
    """A prediction with its uncertainty, nats per token, each an array over the designs.

    Attributes:
        loss: Of the fitted law.
        low: Of the law: percentiles over resamples.
        high: Likewise.
        run_low: Of a single run: the law's and the residuals' spread together.
        run_high: Likewise.
    """

    loss: Values
    low: Values
    high: Values
    run_low: Values
    run_high: Values


def bootstrap(
    observations: Observations, fitted: Fit, *, resamples: int = 1000, cluster: str = "", seed: int = 0
) -> Resamples:
    """Refit on runs drawn with replacement, all resamples as one batch.

    A resample is a vector of counts; each refit starts at the fitted coefficients. Above 10,000 rows it is one
    Newton step from there, and rows (or clusters) are drawn in 4,096 random bundles
    (:mod:`optimoe.laws.fitting.setup.steps`).

    Args:
        observations: The runs of the fit.
        fitted: The fit.
        resamples: How many.
        cluster: A label (``seed``, ``budget``, ``run``) or variable whose rows are drawn together: rows of
            one training curve are not independent.
        seed: Of the draws.

    Raises:
        ConfigError: There are fewer than two clusters.
    """
    require(resamples >= 2, "resamples", "at least 2", resamples)
    model = make_model(observations, fitted.law.family, fitted.options)
    groups = groups_of(observations, cluster) if cluster else np.arange(len(observations))
    large = len(observations) > LARGE_TABLE
    groups = bundled(groups, seed) if large else groups
    num_groups = int(groups.max()) + 1
    require(num_groups > 1, f"cluster {cluster}", "of at least two groups", num_groups)
    drawn = np.random.default_rng(seed).multinomial(num_groups, np.full(num_groups, 1 / num_groups), resamples)
    point = model.coordinates(fitted.coefficients)
    if large:
        points, converged = stepped(model, fitted.options.objective, fitted.scale, point, groups, drawn), 1.0
    else:
        with counting(resamples) as done:
            solutions = solve(
                make_problem(model, fitted.options),
                np.tile(point, (resamples, 1)),
                drawn[:, groups].astype(float),
                model.low[None],
                model.high[None],
                watch=done,
            )
        points, converged = solutions.points, float(solutions.converged.mean())
    least, most = (model.coefficients(ends) for ends in (model.low, model.high))
    limits = {name: (float(least[name]), float(most[name])) for name in least if least[name] < most[name]}
    return Resamples(
        coefficients=model.coefficients(points),
        residual=model.log_loss - model.predict(point[None])[0][0],
        cluster=cluster or "row",
        converged=converged,
        unidentified=fitted.unidentified,
        limits=limits,
        at_limit=tuple(
            name
            for name in fitted.at_bound
            if name in limits and any(_reaches(end, fitted.coefficients[name]) for end in limits[name])
        ),
    )


def _reaches(limit: float, value: float) -> bool:
    """Whether a value is as good as at a limit."""
    return bool(np.isfinite(limit) and abs(value - limit) <= AT_LIMIT * max(abs(limit), AT_LIMIT))


def groups_of(observations: Observations, by: str) -> np.ndarray:
    """A group number for every row: equal labels, or equal values of a variable, are one group.

    Raises:
        UnknownNameError: No such label or variable.
    """
    return np.unique(observations.any_column(by), return_inverse=True)[1]


def profile(
    observations: Observations, fitted: Fit, *, level: float = 0.9, names: tuple[str, ...] = ()
) -> dict[str, Interval]:
    """Intervals from the profile: each coefficient held at a grid of values, the others refitted.

    The interval holds the values where 2·ΔF·E[ψ′]/E[ψ²] ≤ t²(level; n − p), with ΔF the rise of the
    objective. The factor makes the rise χ²-like whatever the objective (Ronchetti's τ-test): for least
    squares it is 1/σ². E[ψ′] is a difference over half a robust standard deviation of the residuals.

    Args:
        observations: The runs of the fit.
        fitted: The fit.
        level: Of the intervals.
        names: Which coefficients; all that are not fixed or at a limit if empty.
    """
    _require_level(level)
    model = make_model(observations, fitted.law.family, fitted.options)
    point = model.coordinates(fitted.coefficients)
    movable = (model.low < point) & (point < model.high)
    columns = [model.names.index(name) for name in names] or np.flatnonzero(movable).tolist()
    require(movable[columns].all(), "names", "of coefficients that are neither fixed nor at a limit", names)
    factor, error = _deviance_factor(model, fitted, point, movable)
    limit = float(stdtrit(len(observations) - int(movable.sum()), 0.5 + level / 2))
    # Without the zero: there the refit is the fit itself.
    reach = np.linspace(0, PROFILE_REACH * limit / BAND_Z, PROFILE_POINTS + 1)[1:]
    offsets = np.concatenate([-reach[::-1], reach])
    starts, low, high = _profile_starts(model, point, error, columns, offsets)
    solutions = solve(make_problem(model, fitted.options), starts, np.ones((1, len(observations))), low, high)
    shape = (len(columns), len(offsets))
    rise = np.maximum(solutions.value - fitted.objective, 0).reshape(shape)
    roots = np.sign(offsets) * np.sqrt(2 * factor * rise)
    intervals = {}
    for row, column in enumerate(columns):
        tested = solutions.points[:, column].reshape(shape)[row]
        ends = np.tile(point, (2, 1))
        ends[:, column] = _crossings(tested, roots[row], point[column], limit)
        with np.errstate(over="ignore"):
            name, (low_end, high_end) = model.names[column], model.coefficients(ends)[model.names[column]]
        scale = fitted.coefficients[name] if model.is_log[column] else 1.0
        intervals[name] = Interval(
            low=float(low_end),
            high=float(high_end),
            std_error=float(np.sqrt(error[column, column])) * scale,
            level=level,
            method="profile",
        )
    return intervals


def _profile_starts(
    model: Model, point: np.ndarray, error: np.ndarray, columns: list[int], offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts with one coordinate moved and the others moved along, and bounds that hold that coordinate."""
    along = [error[:, column] / np.sqrt(error[column, column]) for column in columns]
    starts = np.concatenate([point + offsets[:, None] * direction for direction in along])
    starts = np.clip(starts, model.low, model.high)
    low, high = np.tile(model.low, (len(starts), 1)), np.tile(model.high, (len(starts), 1))
    rows, held = np.arange(len(starts)), np.repeat(columns, len(offsets))
    low[rows, held] = high[rows, held] = starts[rows, held]
    return starts, low, high


def _crossings(tested: np.ndarray, signed: np.ndarray, middle: float, limit: float) -> tuple[float, float]:
    """Where the signed root of the deviance crosses ∓limit; infinite where it does not."""
    at = np.insert(tested, len(tested) // 2, middle)
    # A refit that stopped early would fold the root back; interpolation needs it to rise.
    root = np.maximum.accumulate(np.insert(signed, len(signed) // 2, 0.0))
    low = float(np.interp(-limit, root, at)) if root[0] <= -limit else -np.inf
    high = float(np.interp(limit, root, at)) if root[-1] >= limit else np.inf
    return low, high


def _deviance_factor(
    model: Model, fitted: Fit, point: np.ndarray, movable: np.ndarray
) -> tuple[float, Float[np.ndarray, "coordinates coordinates"]]:
    """(E[ψ′]/E[ψ²], covariance of the coordinates (JᵀJ)⁻¹·E[ψ²]/E[ψ′]²)."""
    predicted, jacobian = model.predict(point[None])
    residual = predicted[0] - model.log_loss
    slope_square, bend = score_moments(fitted.options.objective, residual, fitted.scale)
    # Residuals of a fit are too small by the coefficients it used up.
    slope_square *= len(residual) / max(len(residual) - int(movable.sum()), 1)
    free = jacobian[0][movable]
    covariance = np.zeros((len(point), len(point)))
    covariance[np.ix_(movable, movable)] = np.linalg.pinv(free @ free.T) * slope_square / bend**2
    return bend / slope_square, covariance


def score_moments(objective: Objective, residual: np.ndarray, scale: float) -> tuple[float, float]:
    """(E[ψ²], E[ψ′]) over the residuals; ψ′ as a difference over half a robust standard deviation."""
    sigma = residual_scale(residual)
    # Half a deviation: Huber's ψ′ is a step function, which a small difference would sample at random. The limits
    # keep runs without noise, whose residuals are rounding, from dividing by zero.
    step, column = max(0.5 * sigma, 1e-15), np.array([[scale]])
    slope = objective.parts(residual[None], column)[1]
    ahead, behind = (objective.parts((residual + side)[None], column)[1] for side in (step, -step))
    return max(float(np.mean(slope**2)), 1e-300), max(float(np.mean(ahead - behind)) / (2 * step), 1e-300)


def predict_band(
    fitted: Fit, resamples: Resamples, variables: dict[str, Values], *, level: float = 0.9, seed: int = 0
) -> Band:
    """The loss of designs with a band of the law and a band of single runs.

    Args:
        fitted: The fit.
        resamples: Its bootstrap.
        variables: Designs in the law's variables, each a number or of shape (designs,).
        level: Of both bands.
        seed: Of the residuals that are added for single runs.
    """
    _require_level(level)
    family = find_family(fitted.law.family)
    designs = dict(zip(variables, np.broadcast_arrays(*map(np.atleast_1d, variables.values())), strict=True))
    model = family(fitted.law)
    columns = {name: values[:, None] for name, values in resamples.coefficients.items()}
    draws = np.asarray(family(fitted.law.with_coefficients(columns)).loss(**designs))
    noise = np.random.default_rng(seed).choice(resamples.residual, draws.shape)
    ends = (0.5 - level / 2, 0.5 + level / 2)
    low, high = np.quantile(draws, ends, axis=0)
    run_low, run_high = np.quantile(draws * np.exp(noise), ends, axis=0)
    return Band(loss=model.loss(**designs), low=low, high=high, run_low=run_low, run_high=run_high)


def _require_level(level: float) -> None:
    require(0 < level < 1, "level", "between 0 and 1", level)
