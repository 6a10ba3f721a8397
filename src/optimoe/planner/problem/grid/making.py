"""From families and their shapes to one grid of designs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimoe.arch.design import EXPERT_STEP, width_between
from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, LatentAttention, Mixer, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.laws.terms.ratio import CONTEXT_TOKENS
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.grid.steps import expert_width, heads_of
from optimoe.planner.problem.shapes import Shapes, routed_layers

Members = Mapping[Family, Shapes]

NAMES = ("moe", "dense")
"""What designs are called: by whether they are dense."""


@dataclass(frozen=True, kw_only=True)
class Heads:
    """How heads follow from a width.

    Attributes:
        head_dim: Width of a head.
        step: Heads are multiples of this, or powers of two below it.
    """

    head_dim: int
    step: int


def designs_of(members: Members, heads: Heads, vocab_size: int) -> ArchSpec:
    """Make a grid of designs, family by family: all dense, routed or mixed, with one kind of attention.

    Where layers differ the dense ones come first, whatever their order in the model.
    """
    width, ratio = _widths(members), _column(members, "expert_attention_ratio")
    active = _column(members, "active_ffn_ratio")
    d_hidden = width * np.where(active > 0, active / _used(members), _column(members, "ffn_ratio"))
    if np.any(ratio):
        one_step, two_steps = (
            expert_attention_ratio(_grid(members, heads, vocab_size, steps * EXPERT_STEP), CONTEXT_TOKENS)
            for steps in (1, 2)
        )
        d_hidden = np.where(ratio > 0, width_between(one_step, two_steps, ratio, EXPERT_STEP), d_hidden)
    return _grid(members, heads, vocab_size, expert_width(d_hidden, stated=(active == 0) | (ratio > 0)))


def _used(members: Members) -> Any:
    """Experts that a token uses, shared ones too."""
    return _column(members, "top_k") + _column(members, "num_shared_experts")


def _grid(members: Members, heads: Heads, vocab_size: int, d_hidden: Any) -> ArchSpec:
    """The designs with so wide experts, or dense feed-forwards: dense layers first, whatever their order."""
    first = next(iter(members))
    width: Any = _widths(members)
    depth: Any = np.concatenate([shapes.num_layers for shapes in members.values()])
    num_heads = heads_of(width, heads.head_dim, heads.step)
    mixer = _mixer(first, heads.head_dim, num_heads, _column(members, "num_kv_heads"))
    if first.dense:
        groups: list[tuple[Any, FeedForward]] = [(depth, DenseFFN(d_ff=d_hidden))]
    else:
        shared = _column(members, "num_shared_experts")
        experts = MoE(
            num_experts=_column(members, "num_experts"),
            top_k=_column(members, "top_k"),
            d_expert=d_hidden,
            num_shared_experts=shared,
            d_shared=d_hidden * (shared > 0),
        )
        groups = [(depth, experts)]
        if first.mixed:
            every, low = (_column(members, name) for name in ("moe_every", "first_dense_layers"))
            routed = routed_layers(depth, every, low)
            used = _used(members) if first.dense_layer_width == "active" else 1
            groups = [(depth - routed, DenseFFN(d_ff=d_hidden * used)), (routed, experts)]
    return ArchSpec(
        name=NAMES[first.dense],
        vocab_size=vocab_size,
        d_model=width,
        layers=tuple(LayerGroup(num_layers=layers, mixer=mixer, ffn=ffn) for layers, ffn in groups),
    )


def _mixer(family: Family, head_dim: int, heads: Any, num_kv_heads: Any) -> Mixer:
    if family.attention != "mla":
        kv_heads = heads if family.attention == "mha" else np.minimum(num_kv_heads, heads)
        return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=head_dim)
    return LatentAttention(
        num_heads=heads,
        kv_lora_rank=4 * head_dim,
        qk_nope_dim=head_dim,
        qk_rope_dim=head_dim // 2,
        v_dim=head_dim,
    )


def _widths(members: Members) -> Any:
    return np.concatenate([shapes.d_model for shapes in members.values()])


def _column(members: Members, name: str) -> Any:
    """A field of the families, once for each of their shapes."""
    counts = [len(shapes.d_model) for shapes in members.values()]
    return np.repeat([getattr(family, name) for family in members], counts)
