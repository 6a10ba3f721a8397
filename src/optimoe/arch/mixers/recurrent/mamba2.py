"""State-space layers of scalar decay per head: Mamba-2."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class Mamba2(TokenMixer):
    """A state-space layer with heads and one decay per head (Mamba-2, arXiv 2405.21060, Sec. 7).

    Attributes:
        num_heads: Heads, h.
        head_dim: Channels of a head, p; the inner width is i = h·p.
        num_groups: Groups of heads that share their input and output vectors B and C, g.
        d_state: State per channel, s.
        d_conv: Kernel of the causal convolution over x, B and C, c.
        conv_bias: Whether the convolution adds a bias.
        in_bias, out_bias: Biases of the projections in and out.
        gated_norm: Whether the gated output passes a norm of i weights; without, it is gated alone (Falcon-H1).

    Raises:
        ConfigError: A count is not positive, or the groups do not divide the heads.
    """

    recurrent = True

    num_heads: int
    head_dim: int
    num_groups: int
    d_state: int
    d_conv: int
    conv_bias: bool = True
    in_bias: bool = False
    out_bias: bool = False
    gated_norm: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim", "num_groups", "d_state", "d_conv")
        require(
            self.num_heads % self.num_groups == 0,
            "num_groups",
            f"a divisor of num_heads = {self.num_heads}",
            self.num_groups,
        )

    @property
    def d_inner(self) -> int:
        """Inner width of all heads, i = h·p."""
        return self.num_heads * self.head_dim

    @property
    def conv_width(self) -> int:
        """Channels of the convolution: x, B and C, i + 2·g·s."""
        return self.d_inner + 2 * self.num_groups * self.d_state

    @property
    def in_width(self) -> int:
        """Columns of the projection in: gate i, what the convolution takes, and a step size per head."""
        return self.d_inner + self.conv_width + self.num_heads

    def matrix_params(self, d_model: int) -> int:
        """Gate, x, B, C and step sizes d·(2i + 2·g·s + h), out i·d."""
        return d_model * (self.in_width + self.d_inner)

    def vector_params(self, d_model: int) -> int:
        """Convolution (i + 2·g·s)·(c + bias); decay, skip and step bias 3·h; the gated norm i; biases."""
        conv = self.conv_width * (self.d_conv + self.conv_bias)
        biases = self.in_bias * self.in_width + self.out_bias * d_model
        return conv + 3 * self.num_heads + self.gated_norm * self.d_inner + biases

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, convolution, and the read-out of the state 2·i·s (its update is element-wise).

        Chunked kernels do more in prefill.
        """
        inner = self.conv_width * self.d_conv + self.d_inner * self.d_state
        return {"recurrent": 2 * (self.matrix_params(d_model) + inner)}

    @property
    def state_values(self) -> int:
        """State h·p·s and the convolution's last c − 1 inputs, (i + 2·g·s)·(c − 1)."""
        return self.d_inner * self.d_state + self.conv_width * (self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its heads."""
        return self.num_heads
