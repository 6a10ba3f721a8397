"""Two mixers of one layer on the same input, their outputs added."""

import math
from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attention import Attention
from optimoe.arch.mixers.base import MixerOfMembers
from optimoe.arch.mixers.recurrent.mamba2 import Mamba2


@dataclass(frozen=True, kw_only=True)
class ParallelMixers(MixerOfMembers):
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

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits: it must divide those of both, so their greatest common divisor."""
        return math.gcd(self.attention.num_heads, self.state_space.num_heads)
