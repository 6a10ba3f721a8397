"""Two mixers of one layer on the same input, their outputs added."""

import math
from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.attention import Attention
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.arch.mixers.recurrent.mamba2 import Mamba2


@dataclass(frozen=True, kw_only=True)
class ParallelMixers(TokenMixer):
    """Softmax attention beside a state-space layer on one normed input (Falcon-H1, arXiv 2507.22448).

    Attributes:
        attention: The one that caches.
        state_space: The one that keeps a state.
    """

    attention: Attention
    state_space: Mamba2

    @property
    def members(self) -> tuple[Any, ...]:
        """The attention, then the state-space layer."""
        return (self.attention, self.state_space)

    def matrix_params(self, d_model: int) -> int:
        """The matrices of both."""
        return sum(member.matrix_params(d_model) for member in self.members)

    def vector_params(self, d_model: int) -> int:
        """The vectors of both."""
        return sum(member.vector_params(d_model) for member in self.members)

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """The parts of both, none of which is of the other."""
        first, second = (member.flops(d_model, length, phase, mla) for member in self.members)
        return first | second

    @property
    def cache_values(self) -> int:
        """KV cache values of the attention, one token and layer."""
        return self.attention.cache_values

    def held_values(self, tokens: float) -> Any:
        """What the attention's cache holds of a sequence."""
        return self.attention.held_values(tokens)

    @property
    def state_values(self) -> int:
        """The fixed state of the state-space layer."""
        return self.state_space.state_values

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits: it must divide those of both, so their greatest common divisor."""
        return math.gcd(self.attention.num_heads, self.state_space.num_heads)

    @property
    def cache_heads(self) -> int:
        """Parts into which the cache splits; the state splits by :attr:`members`."""
        return self.attention.cache_heads
