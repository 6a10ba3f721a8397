"""JSON of the designs that a plan chooses from."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.planner.problem.family import BestRatio, Family
from optimoe.planner.problem.kinds import AttentionKind, DenseLayerWidth
from optimoe.planner.problem.space import Space


@dataclass(frozen=True, kw_only=True)
class FamilyRecord:
    """Designs that differ in width and depth alone.

    Attributes:
        num_experts: Routed experts per layer, E; 1 is dense.
        top_k: Routed experts per token, k.
        ffn_ratio: Width of one expert, or of the dense feed-forward, over d_model; 0 where another ratio sets it.
        active_ffn_ratio: Width of all experts that a token uses over d_model; 0 where another ratio sets it.
        expert_attention_ratio: FLOPs in expert layers over those in attention layers; 0 where another ratio sets
            the width.
        num_shared_experts: Experts that every token uses.
        num_kv_heads: Key-value heads of grouped attention.
        attention: ``mha``, ``gqa``, ``mla``, ``gqa-swa`` or ``gqa-gdn``.
        window_tokens: Tokens of the sliding window; 0 without one.
        full_every: Every so many layers one attends to everything; 1 is all of them.
        moe_every: Every so many layers one routes; 1 is all of them.
        first_dense_layers: Layers at the bottom that do not route.
        dense_layer_width: ``active`` where layers that do not route are as wide as all experts of a token, or
            ``expert``.
    """

    num_experts: int
    top_k: int
    ffn_ratio: float
    active_ffn_ratio: float
    expert_attention_ratio: float
    num_shared_experts: int
    num_kv_heads: int
    attention: AttentionKind
    window_tokens: int
    full_every: int
    moe_every: int
    first_dense_layers: int
    dense_layer_width: DenseLayerWidth


@dataclass(frozen=True, kw_only=True)
class BestRatioRecord:
    """The ratio of expert to attention FLOPs that is best by Li et al. 2026.

    Attributes:
        train_flops: FLOPs of the whole run.
    """

    train_flops: float


@dataclass(frozen=True, kw_only=True)
class SpaceRecord:
    """The designs to choose from.

    Attributes:
        num_experts: Expert counts E to compare; 1 is dense.
        top_k: Routed experts per token.
        max_active_share: Largest share of its experts that a model routes to.
        active_ffn_ratio: Widths of all experts that a token uses over d_model, where the others are left out.
        ffn_ratio: Widths of one expert over d_model.
        expert_attention_ratio: Ratios of FLOPs in experts to those in attention, or the best one of a law.
        dense_ffn_ratio: Widths of dense models' feed-forwards over d_model.
        num_shared_experts: Shared experts of the models that route.
        num_kv_heads: Key-value heads of grouped attention.
        attention: Kinds of attention.
        window_tokens: Tokens of the sliding windows of ``gqa-swa``.
        full_every: Of the layers of ``gqa-swa`` and ``gqa-gdn`` every so many attend to everything; empty for the
            usual number of each kind.
        moe_every: Of the models that route, every so many layers one does.
        first_dense_layers: Layers at the bottom of these models that do not route.
        dense_layer_width: Width of the feed-forwards of layers that do not route: ``active`` or ``expert``.
        params_total: Parameters that every design stores; null for any.
        params_tolerance: How far from that a design may be, relatively.
        min_aspect: Least d_model over num_layers.
        max_aspect: Most d_model over num_layers.
        head_dim: Width of a head.
        heads_step: Multiples that numbers of heads are of.
        vocab_size: Rows of the embedding.
        max_width: Largest d_model.
        width_step: Multiples that widths are of; 0 where they are finer for small models.
        depth_step: Multiples that numbers of layers are of; 0 where they are finer for small models.
        exhaustive: Whether every design is priced even where there are very many.
    """

    num_experts: tuple[int, ...]
    top_k: tuple[int, ...]
    max_active_share: float
    active_ffn_ratio: tuple[float, ...]
    ffn_ratio: tuple[float, ...]
    expert_attention_ratio: tuple[float, ...] | BestRatioRecord
    dense_ffn_ratio: tuple[float, ...]
    num_shared_experts: tuple[int, ...]
    num_kv_heads: tuple[int, ...]
    attention: tuple[AttentionKind, ...]
    window_tokens: tuple[int, ...]
    full_every: tuple[int, ...]
    moe_every: tuple[int, ...]
    first_dense_layers: tuple[int, ...]
    dense_layer_width: DenseLayerWidth
    params_total: float | None
    params_tolerance: float
    min_aspect: float
    max_aspect: float
    head_dim: int
    heads_step: int
    vocab_size: int
    max_width: int
    width_step: int
    depth_step: int
    exhaustive: bool


def family_record(family: Family) -> FamilyRecord:
    """What designs of different width and depth share."""
    return same_fields(FamilyRecord, family)


def space_record(space: Space) -> SpaceRecord:
    """The designs to choose from."""
    ratio = space.expert_attention_ratio
    if isinstance(ratio, BestRatio):
        best = BestRatioRecord(train_flops=ratio.train_flops)
        return same_fields(SpaceRecord, space, expert_attention_ratio=best)
    return same_fields(SpaceRecord, space)
