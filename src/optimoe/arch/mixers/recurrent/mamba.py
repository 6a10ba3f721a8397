"""Selective state-space layers: Mamba, and Jamba's with inner norms."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class Mamba(TokenMixer):
    """A selective state-space layer (Mamba, arXiv 2312.00752), with Jamba's inner norms where set.

    Attributes:
        d_inner: Expanded width, i.
        d_state: State per channel, s.
        d_conv: Kernel of the causal convolution, c.
        dt_rank: Rank of the step-size projection, r.
        conv_bias, proj_bias: Biases of the convolution and of the in and out projections.
        inner_norms: RMS norms on the step size, B and C (Jamba, arXiv 2403.19887).

    Raises:
        ConfigError: A count is not positive.
    """

    recurrent = True

    d_inner: int
    d_state: int
    d_conv: int
    dt_rank: int
    conv_bias: bool = True
    proj_bias: bool = False
    inner_norms: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_inner", "d_state", "d_conv", "dt_rank")

    def matrix_params(self, d_model: int) -> int:
        """Projection in d·2i, step size, B and C i·(r + 2s), step size up r·i, out i·d."""
        return 3 * d_model * self.d_inner + self.d_inner * (2 * self.dt_rank + 2 * self.d_state)

    def vector_params(self, d_model: int) -> int:
        """Convolution i·(c + bias), decays i·s, step-size bias and skip 2·i, biases, inner norms r + 2s."""
        inner = self.d_inner
        conv = inner * (self.d_conv + self.conv_bias)
        norms = self.inner_norms * (self.dt_rank + 2 * self.d_state)
        return conv + inner * (self.d_state + 2) + self.proj_bias * (2 * inner + d_model) + norms

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, convolution 2·i·c, and the read-out of the state 2·i·s (its update is element-wise)."""
        inner = self.d_inner * (self.d_conv + self.d_state)
        return {"recurrent": 2 * (self.matrix_params(d_model) + inner)}

    @property
    def state_values(self) -> int:
        """State i·s and the convolution's last c − 1 inputs."""
        return self.d_inner * (self.d_state + self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Channels that tensor parallelism splits."""
        return self.d_inner

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its channels."""
        return self.d_inner
