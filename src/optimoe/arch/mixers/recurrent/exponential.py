"""Recurrences of exponential gates under a running maximum: RWKV-4's time mixing, xLSTM's matrix memory."""

from dataclasses import dataclass

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class TimeMixing(TokenMixer):
    """Time mixing of RWKV-4 (arXiv 2305.13048, Sec. 3.1): a weighted mean of values with a decay per channel.

    Keys, values and receptance are projected from the token and the one before, mixed by a vector each. A sequence
    keeps, beside numerator, denominator and maximum of the mean, the last input of the mixing and that of the
    layer's feed-forward, which looks back too.

    Attributes:
        width: Channels of the mean, a.
        d_shift: Width of the inputs that are kept of the last token, d.

    Raises:
        ConfigError: A count is not positive.
    """

    recurrent = True

    width: int
    d_shift: int

    def __post_init__(self) -> None:
        require_positive(self, "width", "d_shift")

    def matrix_params(self, d_model: int) -> int:
        """Key, value, receptance and output: 4·d·a."""
        return 4 * d_model * self.width

    def vector_params(self, d_model: int) -> int:
        """Decay and bonus of the present token 2·a, and three vectors that mix it with the last, 3·d."""
        return 2 * self.width + 3 * d_model

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections alone: the mean is element-wise."""
        return {"recurrent": 2 * self.matrix_params(d_model)}

    @property
    def state_values(self) -> int:
        """Numerator, denominator and maximum 3·a, and the last inputs of mixing and feed-forward 2·d."""
        return 3 * self.width + 2 * self.d_shift

    @property
    def tp_heads(self) -> int:
        """Channels that tensor parallelism splits."""
        return self.width

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its channels."""
        return self.width


@dataclass(frozen=True, kw_only=True)
class MatrixMemory(TokenMixer):
    """The matrix memory of xLSTM's mLSTM (arXiv 2405.04517, Sec. 2.3): heads with a gated outer product.

    Attributes:
        num_heads: Heads, h.
        qk_width: Queries, and keys, of all heads, q.
        v_width: Values of all heads, v.

    Raises:
        ConfigError: A count is not positive, or the heads do not divide the widths.
    """

    recurrent = True

    num_heads: int
    qk_width: int
    v_width: int

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "qk_width", "v_width")
        for name in ("qk_width", "v_width"):
            width = getattr(self, name)
            require(width % self.num_heads == 0, name, f"a multiple of num_heads = {self.num_heads}", width)

    @property
    def memory_values(self) -> int:
        """Values of the memories of all heads, q·v/h."""
        return self.qk_width * self.v_width // self.num_heads

    @property
    def in_width(self) -> int:
        """Columns of the projections in: queries, keys, values, output gate, and two gates a head."""
        return 2 * (self.qk_width + self.v_width + self.num_heads)

    def matrix_params(self, d_model: int) -> int:
        """Queries, keys, values and output gate d·(2q + 2v), two gates a head 2·d·h, output v·d."""
        return d_model * (self.in_width + self.v_width)

    def vector_params(self, d_model: int) -> int:
        """Biases of the two gates a head 2·h, and the norm of the heads' outputs v."""
        return 2 * self.num_heads + self.v_width

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections, and the read-out of memory and normaliser 2·(q·v/h + q); the update is an outer product.

        2·q·v/h more. Chunked kernels do more in prefill.
        """
        inner = 2 * self.memory_values + self.qk_width
        return {"recurrent": 2 * (self.matrix_params(d_model) + inner)}

    @property
    def state_values(self) -> int:
        """Memory q·v/h, normaliser q, and a maximum a head."""
        return self.memory_values + self.qk_width + self.num_heads

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its heads."""
        return self.num_heads
