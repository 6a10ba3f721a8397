"""Linear attention by the gated delta rule, as in Qwen3-Next."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class GatedDeltaNet(TokenMixer):
    """Linear attention by the gated delta rule (arXiv 2412.06464), as in Qwen3-Next.

    Attributes:
        num_key_heads, num_value_heads: Heads; the value heads are a multiple of the key heads.
        key_dim, value_dim: Per-head widths.
        d_conv: Kernel of the causal convolution over queries, keys and values, c.

    Raises:
        ConfigError: A count is not positive, or the key heads do not divide the value heads.
    """

    recurrent = True

    num_key_heads: int
    num_value_heads: int
    key_dim: int
    value_dim: int
    d_conv: int

    def __post_init__(self) -> None:
        require_positive(self, "num_key_heads", "num_value_heads", "key_dim", "value_dim", "d_conv")
        require(
            self.num_value_heads % self.num_key_heads == 0,
            "num_key_heads",
            f"a divisor of num_value_heads = {self.num_value_heads}",
            self.num_key_heads,
        )

    @property
    def conv_width(self) -> int:
        """Channels of the convolution: queries, keys and values."""
        return 2 * self.num_key_heads * self.key_dim + self.num_value_heads * self.value_dim

    def matrix_params(self, d_model: int) -> int:
        """Queries, keys, values and gate d·(2·K + 2·V), step and decay d·2·h_v, out V·d."""
        values = self.num_value_heads * self.value_dim
        return d_model * (self.conv_width + 2 * values + 2 * self.num_value_heads)

    def vector_params(self, d_model: int) -> int:
        """Convolution, a decay and a step bias per value head, and the norm of a head's output."""
        return self.conv_width * self.d_conv + 2 * self.num_value_heads + self.value_dim

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, convolution, and three products with the state per value head: 6·h_v·d_k·d_v.

        Read-out of the key, rank-one update, read-out of the query. Chunked kernels do more in prefill.
        """
        state = 3 * self.num_value_heads * self.key_dim * self.value_dim
        return {"recurrent": 2 * (self.matrix_params(d_model) + self.conv_width * self.d_conv + state)}

    @property
    def state_values(self) -> int:
        """State h_v·d_k·d_v and the convolution's last c − 1 inputs."""
        return self.num_value_heads * self.key_dim * self.value_dim + self.conv_width * (self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits: the value heads."""
        return self.num_value_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its value heads."""
        return self.num_value_heads
