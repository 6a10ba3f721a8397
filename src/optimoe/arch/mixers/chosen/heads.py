"""Attention whose query heads are experts: a token takes some groups of heads, over keys and values of all."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.mixers.attention import Attention
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class RoutedHeads(TokenMixer):
    """Mixture of attention heads (JetMoE, arXiv 2404.07413, Sec. 2.3; Zhang 2022, arXiv 2210.05144).

    An expert projects queries in and outputs back; keys and values are those of all experts. What experts store
    counts as routed experts and their router as a router, as in a feed-forward.

    Attributes:
        num_kv_heads: Key and value heads, h_kv; an expert has a query head for each.
        head_dim: Width of a head, d_h.
        num_experts: Experts of query heads, E.
        top_k: Experts that a token takes, k.
        output_bias: Whether the sum of the experts adds a bias.

    Raises:
        ConfigError: A count is not positive, or E < k.
    """

    num_kv_heads: int
    head_dim: int
    num_experts: int
    top_k: int
    output_bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_kv_heads", "head_dim", "num_experts", "top_k")
        require(
            self.top_k <= self.num_experts,
            "top_k",
            lambda: f"at most num_experts = {self.num_experts}",
            self.top_k,
        )

    @property
    def num_heads(self) -> int:
        """Query heads of one token: those of its experts, k·h_kv."""
        return self.top_k * self.num_kv_heads

    @property
    def width(self) -> int:
        """Width of an expert, and of keys and of values: h_kv·d_h."""
        return self.num_kv_heads * self.head_dim

    @property
    def attending(self) -> Attention:
        """The attention of one token: grouped heads over the cache, without projections of their own."""
        return Attention(num_heads=self.num_heads, num_kv_heads=self.num_kv_heads, head_dim=self.head_dim)

    def expert_params(self, d_model: int) -> int:
        """The two matrices of one expert: 2·d·h_kv·d_h."""
        return 2 * d_model * self.width

    def matrix_params(self, d_model: int) -> int:
        """What a token is multiplied with: keys and values 2·d·h_kv·d_h, router d·E, k experts."""
        experts = self.top_k * self.expert_params(d_model)
        return 2 * d_model * self.width + d_model * self.num_experts + experts

    def vector_params(self, d_model: int) -> int:
        """The bias of the output: d, where there is one."""
        return self.output_bias * d_model

    def params(self, d_model: int) -> int:
        """Everything stored: what a token passes, and the experts that it does not take."""
        idle = (self.num_experts - self.top_k) * self.expert_params(d_model)
        return self.matrix_params(d_model) + self.vector_params(d_model) + idle

    def params_by_part(self, d_model: int) -> dict[str, int]:
        """Keys, values and bias as attention; router and experts as those of feed-forwards."""
        return {
            "attention": 2 * d_model * self.width + self.vector_params(d_model),
            "router": d_model * self.num_experts,
            "routed_experts": self.num_experts * self.expert_params(d_model),
            "routed_experts_active": self.top_k * self.expert_params(d_model),
        }

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Two per weight that a token passes, by the parts of their parameters; scores of k·h_kv heads."""
        return {
            "attention_projections": 4 * d_model * self.width,
            "attention_scores": self.attending.flops(d_model, length, phase, mla)["attention_scores"],
            "router": 2 * d_model * self.num_experts,
            "routed_experts": 2 * self.top_k * self.expert_params(d_model),
        }

    @property
    def cache_values(self) -> int:
        """KV cache values of one token and layer, whatever its experts: 2·h_kv·d_h."""
        return 2 * self.width

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits: those of each expert."""
        return self.num_kv_heads

    @property
    def cache_heads(self) -> Any:
        """Parts into which the cache splits over GPUs: its key-value heads."""
        return self.num_kv_heads
