"""The objective that residuals call for: least squares, Huber's loss by their own scale, or Student-t."""

from dataclasses import replace
from math import sqrt

import numpy as np
from jaxtyping import Float

from optimoe.laws.fitting.objectives import Auto, Huber, LeastSquares, Objective, StudentT
from optimoe.laws.fitting.setup.problem import FitOptions, best_of_starts, make_model
from optimoe.laws.fitting.setup.sample import LARGE_TABLE, sampled
from optimoe.laws.runs import Observations

MAD_TO_SIGMA = 1.4826
"""1/Φ⁻¹(3/4): makes the median absolute deviation of a normal distribution its standard deviation."""
HUBER_SCALES = 1.345
"""δ in robust scales: 95 % as efficient as least squares where residuals are normal (Huber 1964; Holland and
Welsch 1977)."""
RATIO_ERROR = 0.93
"""√n times the standard error of ln(rms/robust scale) of n normal residuals: its variance is that of the robust
scale's logarithm, 1.36/n, less that of the rms', 0.50/n, as the rms is efficient."""
HEAVY = 2.0
"""Standard errors by which rms exceeds the robust scale in one of 44 sets of normal residuals."""
OUTLIER_DEVIATIONS = 5.0
"""Of normal residuals, one in two million lies further out."""
SMALLEST_SCALE = 1e-9
"""Residuals of runs without noise are rounding: δ stays above it."""


def residual_scale(residual: Float[np.ndarray, " runs"]) -> float:
    """Robust standard deviation of residuals around their median: 1.4826·MAD."""
    return MAD_TO_SIGMA * float(np.median(np.abs(residual - np.median(residual))))


def choose_objective(observations: Observations, family: str, options: FitOptions) -> FitOptions:
    """The options, with ``Auto`` replaced by the objective that the residuals of a first fit call for.

    The first fit is by Student-t, which estimates its own scale and follows neither outliers nor a δ. With s the
    robust scale of its residuals (1.4826·MAD) and n runs:

    - least squares where ln(rms/s) is within 2·0.93/√n, what normal residuals show;
    - Student-t where a row lies beyond 5·s: Huber's loss lets such rows pull for ever, with one strength;
    - else Huber with δ = 1.345·s. A δ far below s would be least absolute deviations.

    Raises:
        ConfigError: The family cannot be put on these runs.
    """
    if not isinstance(options.objective, Auto):
        return options
    some = sampled(observations) if len(observations) > LARGE_TABLE else observations
    model = make_model(some, family, options)
    first = best_of_starts(model, options, np.ones((1, len(some))), model.starts())
    residual = model.predict(first.points)[0][0] - model.log_loss
    scale = max(residual_scale(residual), SMALLEST_SCALE)
    heavy = np.log(max(float(np.sqrt(np.mean(residual**2))), SMALLEST_SCALE) / scale)
    furthest = float(np.abs(residual - np.median(residual)).max())
    chosen: Objective = Huber(delta=float(f"{HUBER_SCALES * scale:.3g}"))
    if heavy <= HEAVY * RATIO_ERROR / sqrt(len(residual)):
        chosen = LeastSquares()
    elif furthest > OUTLIER_DEVIATIONS * scale:
        chosen = StudentT()
    return replace(options, objective=chosen)
