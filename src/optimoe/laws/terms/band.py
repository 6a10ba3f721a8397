"""The band around a predicted loss: single runs scatter, coefficients are not known exactly, ranges end."""

import numpy as np
from jaxtyping import Float

from optimoe.core.arrays import Values

BAND_Z = 1.645
"""Standard deviations that hold 90 % of a normal distribution."""
BAND_GROWTH_PER_DECADE = 4.0
"""The band beyond the fitted range: see :func:`loss_band`."""
BAND_ENDS = (0.05, 0.95)
"""Quantiles between which 90 % of the draws lie."""


def loss_band(
    loss: Values, rmse_log: float, decades: Values, drawn: Float[np.ndarray, "draws ..."] | None = None
) -> tuple[Values, Values]:
    """An interval of 90 % around a predicted loss, wider beyond the fitted range.

    Without draws: ln L ± 1.645·rmse·(1 + 4·decades), 90 % of a normal residual inside the fitted range, wider by
    four times itself per decade beyond it. The factor 4 is a back-test: Chinchilla's form fitted to its runs below
    eight budgets covers 79 % of the larger runs on average, 60 to 95 % by budget (``benchmarks/loss_band.py``).

    With draws, each side is √((ln L − q)² + (1.645·rmse)²): q is the 5 % quantile of ln L over the draws below,
    the 95 % quantile above; scatter and coefficients are taken as independent. Or the width without draws where
    that is wider: draws of a form do not know that another may be true beyond its range.

    It is about the level of the loss: two designs under one law share most of this error.

    Args:
        loss: Nats per token, a number or over designs.
        rmse_log: Root mean square residual of ln L of single runs; 0 when not known.
        decades: How far outside the fitted range, |log10| summed over variables.
        drawn: The loss in each draw of the coefficients.

    Returns:
        Low and high ends in nats per token; NaN when neither scatter nor draws are known.
    """
    scatter = BAND_Z * rmse_log
    reach = scatter * (1 + BAND_GROWTH_PER_DECADE * np.asarray(decades))
    if drawn is None:
        reach = reach if rmse_log else reach * np.nan
        return loss * np.exp(-reach), loss * np.exp(reach)
    log_loss, log_drawn = np.log(loss), np.log(drawn)
    low, high = (np.quantile(log_drawn, end, axis=0).reshape(np.shape(loss)) for end in BAND_ENDS)
    below = np.maximum(np.hypot(np.maximum(log_loss - low, 0), scatter), reach)
    above = np.maximum(np.hypot(np.maximum(high - log_loss, 0), scatter), reach)
    return (loss * np.exp(-below))[()], (loss * np.exp(above))[()]
