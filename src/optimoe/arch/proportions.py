"""A model by its width, its depth and proportions that a grid of runs varies one at a time."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from optimoe.arch.count import GRANULARITY_FACTOR
from optimoe.arch.design import d_expert_for_ratio
from optimoe.arch.feedforwards.peer import PEER
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import MOST_LAYERS, ArchSpec, LayerGroup, grouped
from optimoe.core.config import build
from optimoe.core.errors import require, require_nonnegative, require_positive, require_types

DenseWidth = Literal["active", "expert"]

WIDEST = 1_000_000_000
"""Beyond this a ratio of widths is a mistake, not a model."""
_WIDTHS = ("active_ffn_ratio", "expert_ffn_ratio", "total_ffn_ratio", "granularity", "expert_attention_ratio")


@dataclass(frozen=True, kw_only=True)
class Proportions:
    """A decoder of attention and feed-forwards, some of which route.

    The width of an expert follows from one of five proportions, so that E varies at a constant active width, at
    a constant total width, or at experts of a constant width. E = 1 is a dense model.

    Attributes:
        d_model: Width of the residual stream, d.
        num_layers: How many.
        vocab_size: Token ids.
        head_dim: Width of a head.
        num_heads: Query heads; 0 takes as many as span d.
        num_kv_heads: Key-value heads; 0 takes as many as there are heads.
        num_experts: Routed experts of a layer, E.
        top_k: Of which a token takes so many, k; of E if E is smaller.
        num_shared_experts: Experts of the routed width that every token takes.
        routed_every: Every n-th layer routes, the last of each n.
        first_dense_layers: Layers at the input that do not.
        active_ffn_ratio: Width of all experts that a token takes, shared ones too, over d.
        expert_ffn_ratio: Width of one expert over d.
        total_ffn_ratio: Width of all experts of a layer over d; those of E = 1 too.
        granularity: 4·d over the width of one expert (Krajewski et al. 2024).
        expert_attention_ratio: FLOPs of experts over those of attention at ``context`` (Li et al. 2026).
        context: Tokens that attention sees, for that ratio.
        dense: Width of layers that do not route: that of what a token takes of a routed layer, or of one expert.
        peer: In place of experts, a pool of single neurons: fields of
            :class:`optimoe.arch.feedforwards.peer.PEER`.
        width_step: Widths of experts are multiples of this.
        tied_embeddings: Whether the unembedding is the embedding.

    Raises:
        ConfigError: A number is out of limits, or not exactly one of the five proportions is given.
        UnknownNameError: No such word.
    """

    d_model: int
    num_layers: int
    vocab_size: int = 257
    head_dim: int = 16
    num_heads: int = 0
    num_kv_heads: int = 0
    num_experts: int = 1
    top_k: int = 2
    num_shared_experts: int = 0
    routed_every: int = 1
    first_dense_layers: int = 0
    active_ffn_ratio: float = 0.0
    expert_ffn_ratio: float = 0.0
    total_ffn_ratio: float = 0.0
    granularity: float = 0.0
    expert_attention_ratio: float = 0.0
    context: int = 256
    dense: DenseWidth = "active"
    peer: dict[str, Any] = field(default_factory=dict)
    width_step: int = 8
    tied_embeddings: bool = True

    def __post_init__(self) -> None:
        require_types(self)
        counts = ("num_experts", "top_k", "routed_every", "head_dim", "context", "width_step")
        require_positive(self, "d_model", "num_layers", "vocab_size", *counts)
        require_nonnegative(
            self, "num_heads", "num_kv_heads", "num_shared_experts", "first_dense_layers", *_WIDTHS
        )
        require(self.num_layers <= MOST_LAYERS, "num_layers", f"at most {MOST_LAYERS:,}", self.num_layers)
        given = [name for name in _WIDTHS if getattr(self, name)]
        require(len(given) == 1, "width of experts", f"one of {', '.join(_WIDTHS)}", ", ".join(given) or "none")

    def arch(self, name: str) -> ArchSpec:
        """The architecture of these proportions.

        Raises:
            ConfigError: A part of it cannot be.
            InfeasibleError: Router and shared experts alone exceed the ratio to attention.
        """
        routed, dense = self._feedforwards(name)
        return self._with(name, routed, dense)

    def _with(self, name: str, routed: FeedForward, dense: FeedForward) -> ArchSpec:
        heads = self.num_heads or max(1, self.d_model // self.head_dim)
        mixer = Attention(num_heads=heads, num_kv_heads=self.num_kv_heads or heads, head_dim=self.head_dim)
        layers = [
            LayerGroup(num_layers=1, mixer=mixer, ffn=routed if self._routes(layer) else dense)
            for layer in range(self.num_layers)
        ]
        return ArchSpec(
            name=name,
            vocab_size=self.vocab_size,
            d_model=self.d_model,
            layers=grouped(layers),
            tied_embeddings=self.tied_embeddings,
        )

    def _routes(self, layer: int) -> bool:
        return layer >= self.first_dense_layers and (layer + 1) % self.routed_every == 0

    def _feedforwards(self, name: str) -> tuple[FeedForward, DenseFFN]:
        """What routes, or stands in its place, and what does not."""
        top_k = min(self.top_k, self.num_experts)
        taken = (1 if self.total_ffn_ratio else self.top_k) if self.num_experts == 1 else top_k
        moe = MoE(
            num_experts=max(self.num_experts, taken),
            top_k=taken,
            d_expert=self._stepped(self._width(taken)),
            num_shared_experts=self.num_shared_experts,
            d_shared=self._stepped(self._width(taken)) if self.num_shared_experts else 0,
        )
        if self.expert_attention_ratio:
            every = replace(self, routed_every=1, first_dense_layers=0)
            width = d_expert_for_ratio(
                every._with(name, moe, DenseFFN(d_ff=1)),
                self.expert_attention_ratio,
                self.context,
                self.width_step,
            )
            moe = replace(moe, d_expert=width, d_shared=width if self.num_shared_experts else 0)
        active = moe.top_k * moe.d_expert + moe.num_shared_experts * moe.d_shared
        dense = DenseFFN(d_ff=active if self.dense == "active" else moe.d_expert)
        if self.peer:
            return build(PEER, self.peer, "peer"), dense
        return (moe if self.num_experts > 1 else dense), dense

    def _width(self, taken: int) -> float:
        """Width of an expert by the proportion that is given; of a ratio to attention, any."""
        if self.granularity:
            return GRANULARITY_FACTOR["krajewski"] * self.d_model / self.granularity
        by_width = self.active_ffn_ratio / (taken + self.num_shared_experts)
        by_width += self.expert_ffn_ratio + self.total_ffn_ratio / (self.num_experts + self.num_shared_experts)
        return (by_width or 1.0) * self.d_model

    def _stepped(self, width: float) -> int:
        require(width <= WIDEST, "width of experts", f"at most {WIDEST:,}", width)
        return max(self.width_step, round(width / self.width_step) * self.width_step)
