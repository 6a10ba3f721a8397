"""A layer without a token mixer: a feed-forward alone, as a search over blocks leaves some."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.base import MixerFlops, TokenMixer


@dataclass(frozen=True, kw_only=True)
class NoMixer(TokenMixer):
    """Nothing mixes tokens: no weights, no FLOPs, no cache, no all-reduce.

    Blocks of Nemotron-Super and Ultra are so (Puzzle, arXiv 2411.19146), and every second layer of Nemotron-H.
    """

    absent = True

    @property
    def members(self) -> tuple[Any, ...]:
        """No mixer works on the layer's input."""
        return ()

    def matrix_params(self, d_model: int) -> int:
        """There is no matrix: 0."""
        return 0

    def vector_params(self, d_model: int) -> int:
        """There is no vector: 0."""
        return 0

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """No part has any."""
        return {}

    @property
    def tp_heads(self) -> int:
        """Any tensor parallelism divides it: 0 heads."""
        return 0

    @property
    def cache_heads(self) -> int:
        """One part, of no cache."""
        return 1
