"""PEER: a pool of single-neuron experts, retrieved by product keys."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class PEER(FeedForwardPart):
    """A pool of single-neuron experts behind product keys (He 2024, arXiv 2407.04153).

    Attributes:
        num_keys: Sub-keys per half, n; the pool has n² experts.
        num_heads: Retrieval heads, h, each with its own queries and keys.
        top_k: Experts that a head retrieves, k.
        d_key: Width of a query, d_k; each half has half of it. 0 scores the sub-keys by the token itself (Doge).
        query_norm: Whether queries pass a norm (weight and bias per channel).
        num_unreached: Experts that are stored beyond n², which no pair of sub-keys is of (Doge).

    Raises:
        ConfigError: A count is out of its limits, ``top_k`` exceeds n, or ``d_key`` is odd.
    """

    num_keys: int
    num_heads: int
    top_k: int
    d_key: int
    query_norm: bool = True
    num_unreached: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "num_keys", "num_heads", "top_k")
        require(self.d_key >= 0, "d_key", "zero or more", self.d_key)
        require(self.num_unreached >= 0, "num_unreached", "zero or more", self.num_unreached)
        require(self.top_k <= self.num_keys, "top_k", f"at most num_keys = {self.num_keys}", self.top_k)
        require(self.d_key % 2 == 0, "d_key", "even", self.d_key)

    def matrix_params(self, d_model: int) -> Parts:
        """Queries d·h·d_k and keys h·2n·d_k/2 as router, or d·h·2n; experts of 2d, of which a token takes h·k."""
        direct = (self.d_key == 0) * 2 * d_model * self.num_heads * self.num_keys
        return {
            "router": self.num_heads * self.d_key * (d_model + self.num_keys) + direct,
            "routed_experts": 2 * d_model * (self.num_keys**2 + self.num_unreached),
            "routed_experts_active": 2 * d_model * self.num_heads * self.top_k,
        }

    def params(self, d_model: int) -> Parts:
        """Matrices, and the weight and bias of the queries' norm where it has one."""
        parts = self.matrix_params(d_model)
        parts["router"] += self.query_norm * 2 * self.num_heads * self.d_key
        return parts
