"""A family: what designs have in common beside their widths and depths."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache

from optimoe.arch.count import share_of_experts
from optimoe.arch.parts import Attention, DenseFFN, GatedDeltaNet, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require_positive
from optimoe.laws.catalog import find_law
from optimoe.laws.factors.attention import RATIO_LAW
from optimoe.planner.problem.kinds import AttentionKind, DenseLayerWidth
from optimoe.planner.problem.shapes import Cell, LayerPattern, attends_to_everything, pattern_of

DENSE_FFN_RATIO = 3.5
"""Width of a dense feed-forward over d_model: the median of the nine dense models of ``lab_designs``."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Designs that differ in width and depth alone.

    Attributes:
        num_experts: E; 1 is dense.
        top_k: k.
        ffn_ratio: Width of one expert, or of the dense feed-forward, over d_model; 0 where another ratio sets it.
        active_ffn_ratio: Width of all experts that a token uses, routed and shared, over d_model; 0 where
            another ratio sets it.
        expert_attention_ratio: FLOPs in expert over those in attention layers at 4096 tokens, r (Li et al. 2026,
            arXiv 2603.10379), which then sets the width of each design's experts; 0: another ratio does.
        num_shared_experts: Experts that every token uses, of the routed width.
        num_kv_heads: Key-value heads of grouped attention, of designs with as many heads.
        attention: A key-value head for each head, grouped heads, or latent attention at DeepSeek-V2's
            proportions (arXiv 2405.04434, Sec. 2.1.3: latent 4·d_h, RoPE d_h/2). ``gqa-swa`` and ``gqa-gdn`` are
            grouped heads in every ``full_every``-th layer alone: in the others the same heads in a sliding window,
            or the gated delta rule at Qwen3-Next's proportions (keys as wide as the heads, values twice).
        window_tokens: Tokens of the sliding window; 0 without one.
        full_every: n: every n-th layer attends to everything, the last of each n (as Gemma 3's
            ``sliding_window_pattern`` and Qwen3-Next's ``full_attention_interval``); 1 is all of them.
        moe_every: n: every n-th layer routes, the last of each n (as ``decoder_sparse_step`` of Qwen and
            ``interleave_moe_layer_step`` of Llama 4); 1 is all of them.
        first_dense_layers: Layers at the bottom that do not route whatever n says (``first_k_dense_replace`` of
            DeepSeek).
        dense_layer_width: Width of the feed-forwards of layers that do not route.
    """

    num_experts: int
    top_k: int = 1
    ffn_ratio: float = 3.0
    active_ffn_ratio: float = 0.0
    expert_attention_ratio: float = 0.0
    num_shared_experts: int = 0
    num_kv_heads: int = 8
    attention: AttentionKind = "gqa"
    window_tokens: int = 0
    full_every: int = 1
    moe_every: int = 1
    first_dense_layers: int = 0
    dense_layer_width: DenseLayerWidth = "active"

    @property
    def mixed(self) -> bool:
        """Whether some layers route and others do not."""
        return not self.dense and (self.moe_every > 1 or self.first_dense_layers > 0)

    @property
    def dense(self) -> bool:
        """Whether the family has no routed experts."""
        return self.num_experts == 1

    @property
    def pattern(self) -> LayerPattern:
        """Which of its layers route, and which attend to everything."""
        return LayerPattern(
            routes=not self.dense,
            moe_every=self.moe_every,
            first_dense_layers=self.first_dense_layers,
            full_every=self.full_every,
        )

    @property
    def kinds_of_layers(self) -> tuple[Cell, ...]:
        """The kinds of layers that its designs have, in the order in which the last of each stands."""
        return _kinds_of(self.pattern)

    @property
    def build(self) -> Hashable:
        """What families must share for their designs to stand in one grid: the parts that it is made of."""
        return self.attention, self.kinds_of_layers

    @property
    def mixing(self) -> Hashable:
        """How its layers mix tokens, but for the heads of softmax attention."""
        return self.attention == "mla", self.attention == "gqa-gdn", self.window_tokens, self.full_every


@cache
def _kinds_of(pattern: LayerPattern) -> tuple[Cell, ...]:
    return pattern.kinds


def family_of(spec: ArchSpec) -> Family:
    """The family of a model that is given, as near as a family says it: its first layers of each kind count."""
    moe, mixer = spec.moe, spec.attention
    dense = next((group.ffn.d_ff for group in spec.layers if isinstance(group.ffn, DenseFFN)), 0)
    every, first = pattern_of([isinstance(one.ffn, MoE) for one in spec.layers for _ in range(one.num_layers)])
    kind: AttentionKind = "mla" if isinstance(mixer, LatentAttention) else "gqa"
    kv_heads = mixer.num_kv_heads if isinstance(mixer, Attention) else Family.num_kv_heads
    if isinstance(mixer, Attention) and mixer.num_kv_heads == mixer.num_heads:
        kind, kv_heads = "mha", Family.num_kv_heads
    near, window, full_every = _near(spec)
    kind = near or kind
    if moe is None:
        return Family(
            num_experts=1,
            ffn_ratio=dense / spec.d_model,
            num_kv_heads=kv_heads,
            attention=kind,
            window_tokens=window,
            full_every=full_every,
        )
    return Family(
        num_experts=moe.num_experts,
        top_k=moe.top_k,
        ffn_ratio=0.0,
        active_ffn_ratio=(moe.top_k * moe.d_expert + moe.num_shared_experts * moe.d_shared) / spec.d_model,
        num_shared_experts=moe.num_shared_experts,
        num_kv_heads=kv_heads,
        attention=kind,
        window_tokens=window,
        full_every=full_every,
        moe_every=every,
        first_dense_layers=first,
        dense_layer_width="expert" if dense == moe.d_expert else "active",
    )


def _near(spec: ArchSpec) -> tuple[AttentionKind | None, int, int]:
    """The kind of attention of a model some of whose layers do not attend to everything, its window, and n.

    None of a model all of whose layers do, or none, or that has other such layers than a space has (blocks, state
    spaces). Where no n makes the full layers, n is by their number.
    """
    full = [attends_to_everything(one.mixer) for one in spec.layers for _ in range(one.num_layers)]
    others = {one.mixer for one in spec.layers if not attends_to_everything(one.mixer)}
    if not others or not any(full):
        return None, 0, 1
    every = full.index(True) + 1
    if full != [(layer + 1) % every == 0 for layer in range(len(full))]:
        every = max(2, round(len(full) / sum(full)))
    if all(isinstance(mixer, GatedDeltaNet) for mixer in others):
        return "gqa-gdn", 0, every
    if all(isinstance(mixer, Attention) and not mixer.chunked for mixer in others):
        return "gqa-swa", min(mixer.window_tokens for mixer in others if isinstance(mixer, Attention)), every
    return None, 0, 1


@dataclass(frozen=True, kw_only=True)
class BestRatio:
    """The best ratio r* of Li et al. 2026 (arXiv 2603.10379, eq. 1), by the share of the experts that are active.

    Attributes:
        train_flops: C, the FLOPs of the whole run.

    Raises:
        ConfigError: No FLOPs.
    """

    train_flops: float

    def __post_init__(self) -> None:
        require_positive(self, "train_flops")

    def of(self, num_experts: int, top_k: int, num_shared_experts: int) -> float:
        """The best ratio for E routed experts, k of them active, and shared ones beside them."""
        sparsity = 1 - share_of_experts(num_experts, top_k, num_shared_experts)
        return float(find_law(RATIO_LAW).evaluate("r_star", {"S": sparsity, "C": self.train_flops}))
