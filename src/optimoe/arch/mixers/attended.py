"""How many tokens one token attends to: everything, a sliding window, or a block; in decode and in prefill."""

from typing import Any, Literal

UNLIMITED_WINDOW = 2**62
"""Attention over the whole context: a window that no context reaches, in tokens."""

MlaForm = Literal["absorbed", "expanded"]
Phase = Literal["prefill", "decode"]


def attended(length: float, window: float, phase: Phase, chunked: bool = False) -> Any:
    """Tokens that one token attends to: the last of ``length`` in decode, the mean over them in prefill.

    Sliding window w: min(i, w) for token i, in the mean s·(1 − (s − 1)/(2·length)) with s = min(length, w).
    Chunks of c: (i − 1) mod c + 1, in the mean [q·c·(c + 1) + r·(r + 1)]/(2·length) with q whole chunks and
    r tokens left.
    """
    if chunked:
        whole, left = length // window, length % window
        if phase == "decode":
            return (length - 1) % window + 1
        return (whole * window * (window + 1) + left * (left + 1)) / (2 * length)
    seen = minimum(length, window)
    return seen if phase == "decode" else seen * (1 - (seen - 1) / (2 * length))


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two numbers or arrays; NumPy is loaded for arrays only."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return min(left, right)
    import numpy as np

    return np.minimum(left, right)
