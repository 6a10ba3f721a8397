"""What every feed-forward says of itself: parameters and FLOPs by part.

Symbols: d ``d_model``, f hidden width, m matrices per feed-forward (3 gated, 2 plain), E experts, k per token,
E_s shared. Every count may be an integer or an array of integers (a grid of designs).
"""

from abc import ABC, abstractmethod
from typing import ClassVar

MATRICES_GATED, MATRICES_PLAIN = 3, 2
Parts = dict[str, int]
"""Parameters by part of ``optimoe.arch.params.ParamCount``."""


class FeedForwardPart(ABC):
    """A feed-forward of a decoder layer.

    Attributes:
        absent: Whether the layer has no feed-forward, and no all-reduce after it.
    """

    absent: ClassVar[bool] = False

    @abstractmethod
    def matrix_params(self, d_model: int) -> Parts:
        """Parameters of the matrices of one layer, by part."""

    @abstractmethod
    def params(self, d_model: int) -> Parts:
        """All parameters of one layer, by part: matrices, biases and norms."""

    def flops(self, d_model: int) -> dict[str, float]:
        """FLOPs of one token, by part: two per weight of each matrix that the token passes."""
        params = self.matrix_params(d_model)
        if "routed_experts" in params:
            params["routed_experts"] = params.pop("routed_experts_active")
        return {part: 2 * weights for part, weights in params.items()}


def num_matrices(gated: bool) -> int:
    """Matrices of a feed-forward, m: up, gate and down, or up and down."""
    return MATRICES_GATED if gated else MATRICES_PLAIN


def bias_params(gated: bool, width: int, d_model: int) -> int:
    """Biases of one feed-forward whose matrices all add one: (m − 1)·f + d."""
    return (num_matrices(gated) - 1) * width + d_model
