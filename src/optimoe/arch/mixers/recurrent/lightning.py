"""Linear attention with a fixed decay per head, as in MiniMax-01."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class LightningAttention(TokenMixer):
    """Linear attention with a fixed decay per head, normed and gated (MiniMax-01, arXiv 2501.08313).

    Attributes:
        num_heads: Heads, h.
        head_dim: Width of a head, d_h.

    Raises:
        ConfigError: A count is not positive.
    """

    recurrent = True

    num_heads: int
    head_dim: int

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim")

    def matrix_params(self, d_model: int) -> int:
        """Q, K, V, gate and O: 5·d·h·d_h."""
        return 5 * d_model * self.num_heads * self.head_dim

    def vector_params(self, d_model: int) -> int:
        """The norm of the heads' outputs: h·d_h."""
        return self.num_heads * self.head_dim

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, and two products with the state per head: 4·h·d_h²."""
        state = 2 * self.num_heads * self.head_dim**2
        return {"recurrent": 2 * (self.matrix_params(d_model) + state)}

    @property
    def state_values(self) -> int:
        """State of all heads: h·d_h²."""
        return self.num_heads * self.head_dim**2

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its heads."""
        return self.num_heads
