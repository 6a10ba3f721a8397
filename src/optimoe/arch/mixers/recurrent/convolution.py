"""Short gated convolutions, as in LFM2: mixing over the last few tokens alone."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class ShortConvolution(TokenMixer):
    """A causal convolution of each channel between two gates, as in LFM2 (arXiv 2511.23404).

    Attributes:
        width: Channels, w; the residual stream's in every released model.
        d_conv: Kernel of the convolution, c.
        bias: Whether the projections and the convolution add biases.

    Raises:
        ConfigError: A count is not positive.
    """

    recurrent = True

    width: int
    d_conv: int
    bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "width", "d_conv")

    def matrix_params(self, d_model: int) -> int:
        """The projection to both gates and the input d·3w, and that out w·d."""
        return 4 * d_model * self.width

    def vector_params(self, d_model: int) -> int:
        """Convolution w·c, and biases 3w of the projection in, w of the convolution, d of that out."""
        return self.width * self.d_conv + self.bias * (4 * self.width + d_model)

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections and the convolution 2·w·c; the gates are element-wise."""
        return {"recurrent": 2 * (self.matrix_params(d_model) + self.width * self.d_conv)}

    @property
    def state_values(self) -> int:
        """The convolution's last c − 1 inputs: w·(c − 1)."""
        return self.width * (self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Channels that tensor parallelism splits."""
        return self.width

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its channels."""
        return self.width
