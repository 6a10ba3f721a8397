"""Refits of the released runs: Chinchilla's as Besiroglu 2024 fits them, Clark's by router."""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog

from optimoe.core.claims import Asked, Range
from optimoe.core.errors import require_choice
from optimoe.laws.catalog import find_law
from optimoe.laws.datasets import joined, load_chinchilla_runs, load_routing_points
from optimoe.laws.fitting import Fit, FitOptions, Huber, LeastSquares, Objective, bootstrap, fit, profile
from optimoe.laws.runs import Observations

RESAMPLES = 4000
"""As many as Besiroglu 2024 draws for its standard errors."""
CUTOFF_RESAMPLES = 1000
"""Enough for a 90 % interval to within a few per cent of its width."""
LEVEL = 0.9
"""Of the intervals that say how far runs determine a coefficient."""
FIRST_STEP, LAST_STEP = 0.5, 1e-9
"""Trust region of the linear programs in the coordinates of the fit (logarithms and exponents): from a factor of
1.6 in a term down to rounding."""
SHRINK = 4.0


def chinchilla_refit(asked: Asked) -> float:
    """A coefficient of Chinchilla's form on the recovered runs, or the objective (``output``).

    Inputs: ``objective`` (``huber`` with ``delta``, or ``absolute``), ``outliers`` (true: all 245 runs).
    """
    outliers, objective = bool(asked.inputs.get("outliers", False)), str(asked.inputs.get("objective", "huber"))
    if objective == "absolute":
        return _least_absolute(outliers)[asked.output]
    fitted = _chinchilla(outliers, float(asked.inputs.get("delta", 1e-3)))
    return fitted.objective if asked.output == "objective" else fitted.coefficients[asked.output]


def chinchilla_error(asked: Asked) -> float:
    """Standard error of a coefficient: over resamples of the runs (``seed``), or of the curvature.

    Inputs: ``delta`` of the Huber loss, ``seed``, ``method`` (``bootstrap`` or ``curvature``).
    """
    delta, method = float(asked.inputs.get("delta", 1e-3)), str(asked.inputs.get("method", "bootstrap"))
    if method == "curvature":
        return profile(_dense_runs(False), _chinchilla(False, delta))[asked.output].std_error
    return float(_resamples(delta, int(asked.inputs.get("seed", 0)))[asked.output].std(ddof=1))


def clark_refit(asked: Asked) -> float | Range:
    """A coefficient of Clark's form on the runs of the law's router, ``N_cutoff`` or ``rms_log10_L``.

    Inputs: ``with_dense`` (true: the six dense sizes as E = 1), ``objective`` (``least_squares`` or ``huber``),
    ``interval`` (true: its 90 % interval, of the profile, or of resamples for the cut-off).
    """
    router = find_law(asked.law).row.runs["router"]
    with_dense = bool(asked.inputs.get("with_dense", True))
    fitted = _clark(router, with_dense, str(asked.inputs.get("objective", "least_squares")))
    if asked.inputs.get("interval", False):
        return _clark_intervals(router)[asked.output]
    if asked.output == "rms_log10_L":
        return fitted.rmse_log / float(np.log(10))
    if asked.output == "N_cutoff":
        return float(10.0 ** (-fitted.coefficients["b"] / fitted.coefficients["c"]))
    return fitted.coefficients[asked.output]


def _dense_runs(outliers: bool) -> Observations:
    runs = load_chinchilla_runs(outliers=outliers)
    return Observations(variables={"N": runs.params, "D": runs.tokens}, loss=runs.loss)


@cache
def _chinchilla(outliers: bool, delta: float) -> Fit:
    return fit(_dense_runs(outliers), "chinchilla", FitOptions(objective=Huber(delta=delta)))


@cache
def _resamples(delta: float, seed: int) -> dict[str, Float[np.ndarray, " resamples"]]:
    fitted = _chinchilla(False, delta)
    return bootstrap(_dense_runs(False), fitted, resamples=RESAMPLES, seed=seed).coefficients


def _router_runs(router: str, with_dense: bool) -> Observations:
    points = load_routing_points(router)
    if with_dense:
        points = joined(points, load_routing_points("Dense"))
    return Observations(variables={"N": points.params, "E": points.experts}, loss=10**points.log10_loss)


@cache
def _clark(router: str, with_dense: bool, objective: str) -> Fit:
    objectives: dict[str, Objective] = {"least_squares": LeastSquares(), "huber": Huber()}
    require_choice(objective, "objective", tuple(objectives))
    return fit(_router_runs(router, with_dense), "clark", FitOptions(objective=objectives[objective]))


@cache
def _clark_intervals(router: str) -> dict[str, Range]:
    runs, fitted = _router_runs(router, True), _clark(router, True, "least_squares")
    intervals = {name: (one.low, one.high) for name, one in profile(runs, fitted, level=LEVEL).items()}
    drawn = bootstrap(runs, fitted, resamples=CUTOFF_RESAMPLES).coefficients
    low, high = np.quantile(10.0 ** (-drawn["b"] / drawn["c"]), (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    return intervals | {"N_cutoff": (float(low), float(high))}


@cache
def _least_absolute(outliers: bool) -> dict[str, float]:
    """The form that minimises Σ |ln L_law − ln L|: the Huber likelihood with a scale of its own.

    Besiroglu's notebook maximises Π h((ln L_law − ln L)/s)/s with h the Huber density of δ = 1e-3 in units of s.
    The best s is δ·mean |r|, so that nearly every residual lies beyond δ·s, where Huber's loss is linear.
    Solved by linear programs around the point reached, in a trust region.
    """
    runs, start = _dense_runs(outliers), _chinchilla(outliers, 1e-3).coefficients
    log_n, log_d, log_loss = (np.log(column) for column in (*runs.variables.values(), runs.loss))
    point = np.array([*np.log([start["E"], start["A"], start["B"]]), start["alpha"], start["beta"]])

    def terms(point: Float[np.ndarray, " 5"]) -> Float[np.ndarray, "3 runs"]:
        e, a, b, alpha, beta = point
        return np.exp(np.stack([np.full_like(log_n, e), a - alpha * log_n, b - beta * log_d]))

    def misfit(point: Float[np.ndarray, " 5"]) -> float:
        return float(np.abs(np.log(terms(point).sum(axis=0)) - log_loss).sum())

    reach = FIRST_STEP
    while reach > LAST_STEP:
        parts = terms(point)
        share = parts / parts.sum(axis=0)
        slope = np.stack([*share, -share[1] * log_n, -share[2] * log_d], axis=1)
        trial = point + _least_absolute_step(slope, log_loss - np.log(parts.sum(axis=0)), reach)
        if misfit(trial) < misfit(point):
            point = trial
        else:
            reach /= SHRINK
    e, a, b, alpha, beta = point
    names = {"E": np.exp(e), "A": np.exp(a), "B": np.exp(b), "alpha": alpha, "beta": beta}
    return {name: float(value) for name, value in names.items()}


def _least_absolute_step(
    slope: Float[np.ndarray, "runs 5"], residual: Float[np.ndarray, " runs"], reach: float
) -> Float[np.ndarray, " 5"]:
    """The step within reach of least Σ |residual − slope·step|, as a linear program with one bound a run."""
    runs, size = slope.shape
    bounds = np.eye(runs)
    solved = linprog(
        np.concatenate([np.zeros(size), np.ones(runs)]),
        A_ub=np.block([[slope, -bounds], [-slope, -bounds]]),
        b_ub=np.concatenate([residual, -residual]),
        bounds=[(-reach, reach)] * size + [(0, None)] * runs,
        method="highs",
    )
    return np.asarray(solved.x[:size])
