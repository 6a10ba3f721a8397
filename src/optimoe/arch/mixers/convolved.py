"""Softmax attention with short convolutions around it: of keys, values, queries, or of what leaves a part."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.attention import Attention
from optimoe.arch.mixers.base import MixerFlops, MixerOfMembers, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class CausalConvolution(TokenMixer):
    """A causal convolution over the last few tokens of some channels, without projections of its own.

    Attributes:
        channels: Channels, w.
        d_conv: Kernel, c.
        group: Channels that one channel is computed from, g; 1 is depthwise.
        bias: Whether it adds a bias.
        dynamic_heads: Heads whose kernels each token computes beside the learned ones, h_c (Inkling 2).

    Raises:
        ConfigError: A count is not positive, or groups do not divide the channels.
    """

    channels: int
    d_conv: int
    group: int = 1
    bias: bool = False
    dynamic_heads: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "channels", "d_conv", "group")
        require(self.channels % self.group == 0, "group", f"a divisor of channels = {self.channels}", self.group)
        require(self.dynamic_heads >= 0, "dynamic_heads", "zero or more", self.dynamic_heads)

    def matrix_params(self, d_model: int) -> int:
        """What computes the kernels of a token, d·h_c·c; nothing where they are learned alone."""
        return d_model * self.dynamic_heads * self.d_conv

    @property
    def kernel_params(self) -> int:
        """The learned kernels: w·g·c."""
        return self.channels * self.group * self.d_conv

    def vector_params(self, d_model: int) -> int:
        """Kernels, w·g·c, and a bias per channel where there is one."""
        return self.kernel_params + self.bias * self.channels

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Two per weight of the kernels, and of what computes them."""
        return {"attention_projections": 2 * (self.matrix_params(d_model) + self.kernel_params)}

    @property
    def state_values(self) -> int:
        """The last c − 1 inputs: w·(c − 1)."""
        return self.channels * (self.d_conv - 1)

    @property
    def tp_heads(self) -> int:
        """Channels that tensor parallelism splits."""
        return self.channels

    @property
    def cache_heads(self) -> int:
        """Parts into which the state splits over GPUs: its channels."""
        return self.channels


@dataclass(frozen=True, kw_only=True)
class ConvolvedAttention(MixerOfMembers):
    """Softmax attention with causal convolutions around it, each of which keeps a state of fixed size.

    Of queries and keys (compressed convolutional attention of ZAYA, arXiv 2510.04476), or of keys, of values and
    of what leaves the two parts of a layer (Inkling; that of the feed-forward is counted here too).

    Attributes:
        attention: What caches.
        convolutions: What keeps a state.
        delayed_values: Values of a token that the next one attends with, half of each head in ZAYA.

    Raises:
        ConfigError: There is no convolution.
    """

    attention: Attention
    convolutions: tuple[CausalConvolution, ...]
    delayed_values: int = 0

    def __post_init__(self) -> None:
        require(len(self.convolutions) > 0, "convolutions", "one or more", len(self.convolutions))
        require(self.delayed_values >= 0, "delayed_values", "zero or more", self.delayed_values)

    @property
    def members(self) -> tuple[Any, ...]:
        """The attention, then the convolutions."""
        return (self.attention, *self.convolutions)

    @property
    def state_values(self) -> int:
        """The convolutions' last inputs, and the values that are delayed."""
        return super().state_values + self.delayed_values

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits: the attention's."""
        return self.attention.num_heads
