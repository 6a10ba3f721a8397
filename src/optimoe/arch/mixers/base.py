"""What every token mixer says of itself: parameters, FLOPs, cache, state, and how it splits over GPUs.

Symbols: d ``d_model``, h heads, h_kv key-value heads, d_h ``head_dim``; t tokens that one token attends to.
Every count may be an integer or an array of integers (a grid of designs); all formulas then return arrays.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from optimoe.arch.mixers.attended import MlaForm, Phase

MixerFlops = dict[str, float]
"""FLOPs of one token by part of ``optimoe.arch.flops.FlopCount``."""


class TokenMixer(ABC):
    """A token mixer of a decoder layer.

    Attributes:
        recurrent: Whether it keeps a state of fixed size instead of a cache that grows with the context.
        absent: Whether the layer has no mixer, and no all-reduce after it.
    """

    recurrent: ClassVar[bool] = False
    absent: ClassVar[bool] = False

    @abstractmethod
    def matrix_params(self, d_model: int) -> int:
        """Parameters of the matrices that every token is multiplied with: two FLOPs each."""

    @abstractmethod
    def vector_params(self, d_model: int) -> int:
        """Parameters of biases, norms, convolution kernels, decays and sinks."""

    def params(self, d_model: int) -> int:
        """All parameters that the mixer stores: its matrices and its vectors."""
        return self.matrix_params(d_model) + self.vector_params(d_model)

    def params_by_part(self, d_model: int) -> dict[str, int]:
        """All parameters, by part of ``optimoe.arch.params.ParamCount``: softmax mixers or recurrent ones."""
        parts: dict[str, int] = {}
        for member in self.members:
            part = "recurrent" if member.recurrent else "attention"
            parts[part] = parts.get(part, 0) + member.params(d_model)
        return parts

    @property
    def members(self) -> tuple[Any, ...]:
        """The mixers that work on the layer's input: itself, or those that it is put together from."""
        return (self,)

    @abstractmethod
    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """FLOPs of one token through the mixer, by part of ``FlopCount``.

        Args:
            d_model: Width of the residual stream.
            length: Tokens of the sequence: the position in decode, the length in prefill.
            phase: The last token (decode), or the mean over all of them (prefill).
            mla: How latent attention is computed; other mixers take no notice.
        """

    @property
    def cache_values(self) -> float:
        """Values that one token adds to the KV cache of one layer; 0 for a recurrent mixer."""
        return 0

    def held_values(self, tokens: float) -> Any:
        """Values that the KV cache of a sequence of ``tokens`` holds in one layer."""
        return self.cache_values * tokens

    def read_values(self, tokens: float) -> Any:
        """Values of the KV cache that decoding one token reads, ``tokens`` being in the sequence."""
        return self.held_values(tokens)

    @property
    def state_values(self) -> int:
        """Values of the fixed state of one layer, convolution tails included; 0 for softmax attention."""
        return 0

    @property
    @abstractmethod
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""

    @property
    @abstractmethod
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""


class MixerOfMembers(TokenMixer):
    """A mixer put together from others, its :attr:`members`, which all take the layer's input."""

    def matrix_params(self, d_model: int) -> int:
        """The matrices of all members."""
        return sum(member.matrix_params(d_model) for member in self.members)

    def vector_params(self, d_model: int) -> int:
        """The vectors of all members."""
        return sum(member.vector_params(d_model) for member in self.members)

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """The FLOPs of all members, by part."""
        parts: MixerFlops = {}
        for member in self.members:
            for part, flops in member.flops(d_model, length, phase, mla).items():
                parts[part] = parts.get(part, 0) + flops
        return parts

    @property
    def cache_values(self) -> int:
        """KV cache values of all members, one token and layer."""
        return sum(member.cache_values for member in self.members)

    def held_values(self, tokens: float) -> Any:
        """What the caches of all members hold of a sequence."""
        return sum(member.held_values(tokens) for member in self.members)

    def read_values(self, tokens: float) -> Any:
        """What decoding one token reads of the caches of all members."""
        return sum(member.read_values(tokens) for member in self.members)

    @property
    def state_values(self) -> int:
        """The fixed states of all members."""
        return sum(member.state_values for member in self.members)

    @property
    def cache_heads(self) -> int:
        """Parts into which the first member's cache splits; others split by :attr:`members`."""
        return int(self.members[0].cache_heads)
