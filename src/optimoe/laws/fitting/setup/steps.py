"""Refits of a long table as single steps: sums over bundles of rows in place of all rows, for every resample."""

import numpy as np
from jaxtyping import Float, Int

from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.objectives import Objective
from optimoe.laws.fitting.setup.objective import residual_scale
from optimoe.laws.fitting.solve import RIDGE, Points

BUNDLES = 4096
"""Groups of rows that a bootstrap draws: sums over some rows each, drawn at random, vary as single rows do, and
their covariance is known to 1/√4096 = 1.6 %."""
SIDE = 0.25
"""Of the robust scale: a fifth of all rows lies so near to a corner of Huber's ψ, thousands of a long table."""
SMALLEST_STEP = 1e-15
"""Of the difference quotient: residuals of runs without noise are rounding."""


def bundled(groups: Int[np.ndarray, " runs"], seed: int) -> Int[np.ndarray, " runs"]:
    """Groups, or random bundles of them where they are over 4,096."""
    num_groups = int(groups.max()) + 1
    if num_groups <= BUNDLES:
        return groups
    return (np.random.default_rng(seed).permutation(num_groups) % BUNDLES)[groups]


def stepped(
    model: Model,
    objective: Objective,
    scale: float,
    point: Float[np.ndarray, " coordinates"],
    groups: Int[np.ndarray, " runs"],
    drawn: Int[np.ndarray, "resamples groups"],
) -> Points:
    """One Newton step from the minimum of all rows for every resample: θ − (Σ c_g·H_g)⁻¹·Σ c_g·s_g.

    s_g is the sum over the rows of group g of ψ·∂ ln L/∂θ, H_g that of ψ′·(∂ ln L/∂θ)(∂ ln L/∂θ)ᵀ, c_g how often
    the group was drawn. ψ′ is a difference over a quarter of a robust scale to each side: Huber's is a step.
    Coordinates at a limit stay there.

    Args:
        model: The family on the runs.
        objective: What was minimised.
        scale: Residual scale of the fit; 1 for objectives without one.
        point: The minimum.
        groups: Group of each row.
        drawn: How often each group was drawn, a row a resample.
    """
    predicted, jacobian = model.predict(point[None])
    residual, column = predicted - model.log_loss, np.array([[scale]])
    side = max(SIDE * residual_scale(residual[0]), SMALLEST_STEP)
    slope = objective.parts(residual, column)[1][0]
    ahead, behind = (objective.parts(residual + step, column)[1][0] for step in (side, -side))
    bend = (ahead - behind) / (2 * side)
    free = np.flatnonzero((model.low < point) & (point < model.high))
    num_free, num_groups = len(free), drawn.shape[1]
    slopes = np.empty((num_free, num_groups))
    bends = np.empty((num_free, num_free, num_groups))
    for row, first in enumerate(free):
        slopes[row] = np.bincount(groups, jacobian[0, first] * slope, num_groups)
        for other, second in enumerate(free[: row + 1]):
            sums = np.bincount(groups, jacobian[0, first] * jacobian[0, second] * bend, num_groups)
            bends[row, other] = bends[other, row] = sums
    counts = drawn.astype(float)
    gradient, hessian = counts @ slopes.T, np.tensordot(counts, bends, axes=(1, 2))
    unit = np.sqrt(np.maximum(np.einsum("rjj->rj", hessian), np.finfo(float).tiny))
    scaled = hessian / (unit[:, :, None] * unit[:, None, :]) + RIDGE * np.eye(num_free)
    moved = np.tile(point, (len(drawn), 1))
    moved[:, free] -= np.linalg.solve(scaled, (gradient / unit)[:, :, None])[:, :, 0] / unit
    return np.clip(moved, model.low, model.high)
