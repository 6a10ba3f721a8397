"""The real-gated linear recurrent unit of Griffin and RecurrentGemma."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class GatedRecurrence(TokenMixer):
    """A gated recurrent block: convolution and RG-LRU beside a gate (Griffin, arXiv 2402.19427, Sec. 2.3 and 2.4).

    Attributes:
        width: Channels of the recurrence, w.
        num_heads: Blocks of the block-diagonal gates, h.
        d_conv: Kernel of the causal convolution, c.

    Raises:
        ConfigError: A count is not positive, or the heads do not divide the width.
    """

    recurrent = True

    width: int
    num_heads: int
    d_conv: int

    def __post_init__(self) -> None:
        require_positive(self, "width", "num_heads", "d_conv")
        require(
            self.width % self.num_heads == 0, "num_heads", f"a divisor of width = {self.width}", self.num_heads
        )

    def matrix_params(self, d_model: int) -> int:
        """Input, gate and output 3·d·w; input and recurrence gates, block-diagonal, 2·w²/h."""
        return 3 * d_model * self.width + 2 * self.width * (self.width // self.num_heads)

    def vector_params(self, d_model: int) -> int:
        """Biases of the projections 2w + d, convolution w·(c + 1), decays w, biases of both gates 2w."""
        return 5 * self.width + d_model + self.width * (self.d_conv + 1)

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, gates and convolution 2·w·c; the recurrence itself is element-wise."""
        return {"recurrent": 2 * (self.matrix_params(d_model) + self.width * self.d_conv)}

    @property
    def state_values(self) -> int:
        """One value per channel, and the convolution's last c − 1 inputs: w·c."""
        return self.width * self.d_conv

    @property
    def tp_heads(self) -> int:
        """Blocks of the gates that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its blocks."""
        return self.num_heads
