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
        d_key: Width of a query, d_k; each half has half of it.
        query_norm: Whether queries pass a norm (weight and bias per channel).

    Raises:
        ConfigError: A count is not positive, ``top_k`` exceeds n, or ``d_key`` is odd.
    """

    num_keys: int
    num_heads: int
    top_k: int
    d_key: int
    query_norm: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "num_keys", "num_heads", "top_k", "d_key")
        require(self.top_k <= self.num_keys, "top_k", f"at most num_keys = {self.num_keys}", self.top_k)
        require(self.d_key % 2 == 0, "d_key", "even", self.d_key)

    def matrix_params(self, d_model: int) -> Parts:
        """Queries d·h·d_k and keys h·2n·d_k/2 as router; n² experts of 2d, of which a token takes h·k."""
        return {
            "router": d_model * self.num_heads * self.d_key + self.num_heads * self.num_keys * self.d_key,
            "routed_experts": 2 * d_model * self.num_keys**2,
            "routed_experts_active": 2 * d_model * self.num_heads * self.top_k,
        }

    def params(self, d_model: int) -> Parts:
        """Matrices, and the weight and bias of the queries' norm where it has one."""
        parts = self.matrix_params(d_model)
        parts["router"] += self.query_norm * 2 * self.num_heads * self.d_key
        return parts
