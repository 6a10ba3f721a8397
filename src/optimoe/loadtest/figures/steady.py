"""Whether requests of a level were answered alike from the first to the last."""

from collections.abc import Sequence

import numpy as np

from optimoe.loadtest.results.summary import Steadiness

BATCH, LEAST = 5, 50
"""Requests of a batch, and of the shortest series that is judged."""

SURE = 3.0
"""Standard errors by which what is cut must differ from what is kept."""


def settled_after(values: Sequence[float]) -> tuple[int, Steadiness]:
    """How many values at the beginning belong to a series that had not settled yet.

    MSER-5 (White, Simulation 69, 1997; found best of 42 rules by Hoad, Robinson and Davies, Journal of Simulation
    4, 2010): over means of 5 values each, Y_1 … Y_k, cut the first d that make the standard error of the mean of
    the rest least, Σ_{j>d}(Y_j − Ȳ_d)²/(k − d)², for d up to k/2. On a series that is settled already the least
    lies anywhere by chance, so that a cut is taken only where the mean of what it cuts differs from that of the
    rest by three standard errors of their difference.

    Args:
        values: In the order of sending.

    Returns:
        Values to cut, and the verdict: drifting where the least lies at k/2, and the series may not have settled
        at all; nothing is cut then.
    """
    count = len(values) // BATCH
    if len(values) < LEAST:
        return 0, "unjudged"
    means = np.asarray(values[: count * BATCH], dtype=float).reshape(count, BATCH).mean(axis=1)
    half = count // 2
    errors = [float(means[cut:].var() / (count - cut)) for cut in range(half + 1)]
    cut = int(np.argmin(errors))
    if cut == 0:
        return 0, "steady"
    kept = means[cut:]
    error = float(kept.std(ddof=1)) * (1 / cut + 1 / len(kept)) ** 0.5
    if abs(float(means[:cut].mean() - kept.mean())) <= SURE * error:
        return 0, "steady"
    return (0, "drifting") if cut == half else (cut * BATCH, "steady")
