"""Linear attention by the delta rule with a decay per channel: Kimi Delta Attention."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class KimiDelta(TokenMixer):
    """Linear attention by the gated delta rule whose decay differs by channel (KDA, arXiv 2510.26692, Sec. 3).

    Attributes:
        num_heads: Heads, h, of queries, keys and values alike.
        head_dim: Width of a head, d_h; all heads together are w = h·d_h wide.
        d_conv: Kernel of the causal convolution over queries, keys and values, c.
        decay_rank: Width through which the decay is projected, r_f; 0 projects it directly.
        gate_rank: Width through which the output's gate is projected, r_g; 0 projects it directly.

    Raises:
        ConfigError: A count is not positive, or a rank is negative.
    """

    recurrent = True

    num_heads: int
    head_dim: int
    d_conv: int
    decay_rank: int = 0
    gate_rank: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim", "d_conv")
        require(self.decay_rank >= 0, "decay_rank", "zero or more", self.decay_rank)
        require(self.gate_rank >= 0, "gate_rank", "zero or more", self.gate_rank)

    @property
    def width(self) -> int:
        """Channels of all heads, w = h·d_h."""
        return self.num_heads * self.head_dim

    @property
    def conv_width(self) -> int:
        """Channels of the convolution: queries, keys and values, 3·w."""
        return 3 * self.width

    def matrix_params(self, d_model: int) -> int:
        """Queries, keys, values and output 4·d·w, step sizes d·h, decay and gate r·(d + w) each, or d·w."""
        gates = sum(
            rank * (d_model + self.width) + (rank == 0) * d_model * self.width
            for rank in (self.decay_rank, self.gate_rank)
        )
        return d_model * (4 * self.width + self.num_heads) + gates

    def vector_params(self, d_model: int) -> int:
        """Convolution 3·w·c, decay's bias w and scale h, and the norm of a head's output d_h."""
        return self.conv_width * self.d_conv + self.width + self.num_heads + self.head_dim

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, convolution, and three products with the state per head: 6·h·d_h².

        Read-out of the key, rank-one update, read-out of the query. Chunked kernels do more in prefill.
        """
        state = 3 * self.width * self.head_dim
        return {"recurrent": 2 * (self.matrix_params(d_model) + self.conv_width * self.d_conv + state)}

    @property
    def state_values(self) -> int:
        """State h·d_h² and the convolution's last c − 1 inputs, 3·w·(c − 1)."""
        return self.width * self.head_dim + self.conv_width * (self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its heads."""
        return self.num_heads
