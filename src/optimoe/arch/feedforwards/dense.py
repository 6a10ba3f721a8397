"""The dense feed-forward: one network that every token passes."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts, bias_params, num_matrices
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class DenseFFN(FeedForwardPart):
    """One feed-forward network that every token passes.

    Attributes:
        d_ff: Hidden width, f.
        gated: SwiGLU-like with three matrices, or plain with two.
        bias: Whether each matrix adds a bias.
        inner_norm: Whether the hidden values pass a norm before the last matrix (BitNet).
        activation_params: What the activation learns: two slopes of xIELU (Apertus), none of most.
        output_scale: Whether a learned number scales the output (Inkling).
        hidden_scales: Whether vectors of f scale the outputs of each matrix into the hidden width (Dory).
        receptance: Whether the sigmoid of a matrix d·d multiplies the output, and vectors of d mix the inputs of
            this matrix and of the first with those of the last token (RWKV).

    Raises:
        ConfigError: The width is not positive, or the activation's parameters are negative.
    """

    d_ff: int
    gated: bool = True
    bias: bool = False
    inner_norm: bool = False
    activation_params: int = 0
    output_scale: bool = False
    hidden_scales: bool = False
    receptance: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_ff")
        require(self.activation_params >= 0, "activation_params", "zero or more", self.activation_params)

    @property
    def is_plain(self) -> bool:
        """Whether nothing learns but matrices and their biases."""
        more = self.inner_norm or self.output_scale or self.hidden_scales or self.receptance
        return self.activation_params == 0 and not more

    @property
    def num_matrices(self) -> int:
        """Matrices: up, gate and down, or up and down."""
        return num_matrices(self.gated)

    def matrix_params(self, d_model: int) -> Parts:
        """The dense feed-forward: m·d·f, and d² of a receptance."""
        return {"dense_ffn": d_model * (self.num_matrices * self.d_ff + self.receptance * d_model)}

    def params(self, d_model: int) -> Parts:
        """Matrices, biases and an inner norm where it has them, and what the activation learns."""
        vectors = (
            self.inner_norm * self.d_ff
            + self.bias * bias_params(self.gated, self.d_ff, d_model)
            + self.activation_params
            + self.output_scale
            + self.hidden_scales * (self.num_matrices - 1) * self.d_ff
            + self.receptance * 2 * d_model
        )
        return {"dense_ffn": self.matrix_params(d_model)["dense_ffn"] + vectors}
