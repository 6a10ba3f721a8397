"""The dense feed-forward: one network that every token passes."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts, bias_params, num_matrices
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class DenseFFN(FeedForwardPart):
    """One feed-forward network that every token passes.

    Attributes:
        d_ff: Hidden width, f.
        gated: SwiGLU-like with three matrices, or plain with two.
        bias: Whether each matrix adds a bias.

    Raises:
        ConfigError: The width is not positive.
    """

    d_ff: int
    gated: bool = True
    bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_ff")

    @property
    def num_matrices(self) -> int:
        """Matrices: up, gate and down, or up and down."""
        return num_matrices(self.gated)

    def matrix_params(self, d_model: int) -> Parts:
        """The dense feed-forward: m·d·f."""
        return {"dense_ffn": self.num_matrices * d_model * self.d_ff}

    def params(self, d_model: int) -> Parts:
        """Matrices, and biases where it has them."""
        bias = self.bias * bias_params(self.gated, self.d_ff, d_model)
        return {"dense_ffn": self.matrix_params(d_model)["dense_ffn"] + bias}
