"""Many fits at once: a damped Newton method over a batch of starts, resamples, folds or profiles.

Every fit is a row of an array. A row has its own start, weights of the runs (a resample is a vector of
counts, a fold a vector of zeros and ones) and bounds (equal bounds hold a coordinate fixed). Rows that are
done leave the batch. Threads share the rows, in blocks small enough for the processor's cache.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.laws.fitting.objectives import Objective

Points = Float[np.ndarray, "fits coordinates"]
Predict = Callable[[Points], tuple[Float[np.ndarray, "fits runs"], Float[np.ndarray, "fits coordinates runs"]]]
"""Coordinates to (ln L, d ln L/d coordinates)."""

MAX_ITERATIONS = 400
"""Fits that the runs identify take some tens; one that creeps along a flat valley ends here, not converged."""
BLOCK_NUMBERS = 1 << 15
"""Fits × runs of one block: 256 KiB an array, so that the arrays of a block stay in the processor's cache."""
STEP_TOLERANCE = 1e-11
"""A step below this, relative to 1 + |coordinate|: far below any use of a coefficient, far above rounding."""
GAIN_TOLERANCE = 1e-13
"""An expected fall below this share of the objective: a sum over runs in double precision cannot show less."""
FIRST_DAMPING = 1e-2
"""Close to a plain Gauss–Newton step; a start that is too far off for it raises the damping by itself."""
MIN_DAMPING = 1e-12
"""Damping is only ever multiplied: from zero it could not rise again."""
MIN_BLEND = 1e-3
"""κ never falls to zero: beyond Huber's δ the true curvature is zero, and with every run there so would be H."""
BLEND_FALL = 0.3
"""Six good steps take κ from 1 (safe) to its least (fast)."""
RIDGE = 1e-14
"""Added to the unit diagonal, at its rounding: coefficients that the runs cannot tell apart make H singular."""
STALLED = 1e9
"""Damping at which a fit stops: no step along any direction helps any more."""
GOOD, FAIR = 0.75, 0.25
"""Share of the expected fall that came true: the usual marks of trust-region methods (Moré 1978)."""
AFTER_GOOD, AFTER_FAIR, AFTER_POOR, AFTER_REJECTED = 0.1, 0.5, 2.0, 5.0
"""Factors on the damping: it falls faster than it rises, as most fits soon are where Newton's steps are right."""


@dataclass(frozen=True, kw_only=True)
class FitProblem:
    """What the fits of a batch share.

    Attributes:
        predict: The law, in the coordinates of the fit.
        log_loss: ln L of the runs; one row a fit where each has targets of its own (priors drawn anew).
        objective: What is minimised.
        scales: How many residual scales the objective has.
    """

    predict: Predict
    log_loss: Float[np.ndarray, "*fits runs"]
    objective: Objective
    scales: int = 1

    @property
    def runs(self) -> int:
        """How many residuals a fit has."""
        return int(self.log_loss.shape[-1])

    def take(self, rows: Int[np.ndarray, " rows"]) -> "FitProblem":
        """The problem of some of the fits."""
        return replace(self, log_loss=self.log_loss[rows]) if self.log_loss.ndim > 1 else self


@dataclass(frozen=True, kw_only=True)
class Solutions:
    """One row a fit.

    Attributes:
        points: Coordinates at the minimum.
        value: The objective there; infinite where the law cannot be evaluated at the start.
        converged: Whether no step improves it further.
        scale: Residual scales of objectives that have them.
        iterations: Evaluations of the law.
    """

    points: Points
    value: Float[np.ndarray, " fits"]
    converged: Bool[np.ndarray, " fits"]
    scale: Float[np.ndarray, "fits scales"]
    iterations: Int[np.ndarray, " fits"]

    def take(self, rows: Int[np.ndarray, " rows"]) -> "Solutions":
        """Some of the fits."""
        return Solutions(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass
class _State:
    """Rows still in work; all arrays have the fit as their first axis."""

    index: np.ndarray
    point: np.ndarray
    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray
    scale: np.ndarray
    blend: np.ndarray
    damping: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray

    def keep(self, rows: np.ndarray) -> "_State":
        return _State(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def solve(
    problem: FitProblem,
    starts: Points,
    weights: Float[np.ndarray, "#fits runs"],
    low: Float[np.ndarray, "#fits coordinates"],
    high: Float[np.ndarray, "#fits coordinates"],
    watch: Callable[[int], None] = lambda more: None,
) -> Solutions:
    """Minimise Σ_i w_i·ρ(ln L(x_i) − ln L_i) from every start.

    Levenberg–Marquardt on the objective's own curvature: step = −(H + λ·diag H)⁻¹g with
    H = Jᵀ diag(w·((1−κ)·ρ″ + κ·ψ/r)) J. κ starts at 1 (reweighted least squares, which is safe far away) and
    falls with every good step (towards Newton's method, which is fast near the minimum).

    Args:
        problem: Law, runs and objective.
        starts: One row a fit.
        weights: Of the runs, one row a fit or one for all.
        low: Bounds, one row a fit or one for all.
        high: Likewise; where equal to ``low`` the coordinate is fixed.
        watch: Is told how many more fits are over, from several threads.
    """
    num_fits, num_runs = len(starts), problem.runs
    weights = np.broadcast_to(weights, (num_fits, num_runs))
    low, high = np.broadcast_to(low, starts.shape), np.broadcast_to(high, starts.shape)
    workers = min(os.cpu_count() or 1, -(-num_fits * num_runs // BLOCK_NUMBERS))
    shares = [np.arange(first, num_fits, workers) for first in range(workers)]

    def share(rows: np.ndarray) -> Solutions:
        return _solve_share(problem.take(rows), starts[rows], weights[rows], low[rows], high[rows], watch)

    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(share, shares))
    order = np.argsort(np.concatenate(shares))
    return Solutions(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])[order]
            for field in fields(Solutions)
        }
    )


def _solve_share(
    problem: FitProblem,
    starts: np.ndarray,
    weights: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    watch: Callable[[int], None],
) -> Solutions:
    num_fits = len(starts)
    solutions = Solutions(
        points=np.clip(starts, low, high),
        value=np.full(num_fits, np.inf),
        converged=np.zeros(num_fits, dtype=bool),
        scale=np.ones((num_fits, problem.scales)),
        iterations=np.zeros(num_fits, dtype=int),
    )
    state = _begin(problem, solutions.points, weights, low, high)
    for _ in range(MAX_ITERATIONS):
        solutions.iterations[state.index] += 1
        done = _advance(problem, state)
        if done.any():
            _record(solutions, state, done)
            solutions.converged[state.index[done]] = np.isfinite(state.value[done])
            state = state.keep(~done)
            watch(int(done.sum()))
        if not len(state.index):
            break
    _record(solutions, state, np.ones(len(state.index), dtype=bool))
    return solutions


def _record(solutions: Solutions, state: _State, rows: np.ndarray) -> None:
    solutions.points[state.index[rows]] = state.point[rows]
    solutions.value[state.index[rows]] = np.where(np.isfinite(state.value[rows]), state.value[rows], np.inf)
    solutions.scale[state.index[rows]] = state.scale[rows]


def _begin(
    problem: FitProblem, points: np.ndarray, weights: np.ndarray, low: np.ndarray, high: np.ndarray
) -> _State:
    num_fits = len(points)
    state = _State(
        index=np.arange(num_fits),
        point=points.copy(),
        low=low,
        high=high,
        weight=weights,
        scale=np.ones((num_fits, problem.scales)),
        blend=np.ones(num_fits),
        damping=np.full(num_fits, FIRST_DAMPING),
        value=np.empty(0),
        slope=np.empty(0),
        curvature=np.empty(0),
    )
    state.value, state.slope, state.curvature, state.scale = _evaluate(problem, state, state.point)
    return state


def _advance(problem: FitProblem, state: _State) -> np.ndarray:
    """One step of every row, in place; which rows are done."""
    step, gain = _step(state)
    trial = state.point + step
    size = np.max(np.abs(step) / (1 + np.abs(state.point)), axis=1)
    # Judged by the step that is about to be tried: a row that is done still takes it when it helps.
    done = (
        (size <= STEP_TOLERANCE)
        | (np.abs(gain) <= GAIN_TOLERANCE * np.abs(state.value))
        | (state.damping > STALLED)
        | ~np.isfinite(state.value)
    )
    # κ falls before the evaluation, so that the curvature at the new point is already the faster one; rows whose
    # step is rejected keep their curvature and take their κ back.
    blend = state.blend
    state.blend = np.maximum(blend * BLEND_FALL, MIN_BLEND)
    value, slope, curvature, scale = _evaluate(problem, state, trial)
    better = np.isfinite(value) & (value < state.value) & np.isfinite(slope).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        quality = (state.value - value) / np.maximum(gain, np.finfo(float).tiny)
    state.blend = np.where(better, state.blend, blend)
    factor = np.where(quality > GOOD, AFTER_GOOD, np.where(quality > FAIR, AFTER_FAIR, AFTER_POOR))
    state.damping = np.maximum(state.damping * np.where(better, factor, AFTER_REJECTED), MIN_DAMPING)
    news = {"point": trial, "value": value, "slope": slope, "curvature": curvature, "scale": scale}
    for name, new in news.items():
        getattr(state, name)[better] = new[better]
    return done


def _step(state: _State) -> tuple[np.ndarray, np.ndarray]:
    """The damped step inside the bounds, and the fall of the objective that the quadratic model expects."""
    slope, H = state.slope, state.curvature
    diagonal = np.einsum("fjj->fj", H)
    # Held: at a limit with the slope pushing outwards, or without any effect on the loss.
    held = ((state.point <= state.low) & (slope >= 0)) | ((state.point >= state.high) & (slope <= 0))
    held |= diagonal <= 0
    free = ~held
    # In units of √diagonal the damping is λ·diag H: the same whatever the scale of a coordinate (Marquardt).
    unit = np.where(held, 1.0, np.sqrt(np.where(held, 1.0, diagonal)))
    scaled = H / (unit[:, :, None] * unit[:, None, :]) * (free[:, :, None] & free[:, None, :])
    identity = np.eye(H.shape[1])
    system = scaled + identity * (held[:, :, None] + state.damping[:, None, None] + RIDGE)
    bad = ~np.isfinite(system).all(axis=(1, 2))
    system[bad] = identity
    g = np.where(held, 0.0, slope / unit)
    step = np.linalg.solve(system, -g[:, :, None])[:, :, 0] / unit
    # Clipped before the gain is reckoned, so that the quality of a step is that of the step taken.
    step = np.clip(state.point + step, state.low, state.high) - state.point
    gain = -(slope * step).sum(axis=1) - 0.5 * np.einsum("fi,fij,fj->f", step, H, step)
    return step, gain


def _evaluate(
    problem: FitProblem, state: _State, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Objective (fits,), gradient (fits, p), curvature (fits, p, p) and scale (fits, scales), block by block."""
    num_fits, p = points.shape
    value, slope, curvature = np.empty(num_fits), np.empty((num_fits, p)), np.empty((num_fits, p, p))
    scale = np.empty((num_fits, problem.scales))
    target = problem.take(state.index).log_loss
    for rows in _blocks(num_fits, problem.runs):
        with np.errstate(all="ignore"):
            predicted, jacobian = problem.predict(points[rows])
            residual = predicted - (target[rows] if target.ndim > 1 else target)
            weight = state.weight[rows]
            scale[rows] = problem.objective.rescale(residual, weight, state.scale[rows])
            rho, psi, reweighted, true = problem.objective.parts(residual, scale[rows])
            value[rows] = (weight * rho).sum(axis=1)
            slope[rows] = (jacobian @ (weight * psi)[:, :, None])[:, :, 0]
            blend = state.blend[rows, None]
            bend = weight * (true + blend * (reweighted - true))
            curvature[rows] = (jacobian * bend[:, None, :]) @ jacobian.transpose(0, 2, 1)
    return value, slope, curvature, scale


def _blocks(num_fits: int, num_runs: int) -> Iterator[slice]:
    size = max(1, BLOCK_NUMBERS // num_runs)
    return (slice(first, first + size) for first in range(0, num_fits, size))
