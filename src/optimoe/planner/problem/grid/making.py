"""From families and their shapes to one grid of designs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimoe.arch.design import EXPERT_STEP, width_between
from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, GatedDeltaNet, LatentAttention, Mixer, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.laws.terms.ratio import CONTEXT_TOKENS
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.grid.steps import expert_width, heads_of
from optimoe.planner.problem.shapes import LayerPattern, Shapes

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
    """Make a grid of designs, family by family, all of one build.

    Where layers differ those of a kind stand together, in the order in which the last of each stands in the model.
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
    """The designs with so wide experts, or dense feed-forwards."""
    first = next(iter(members))
    width: Any = _widths(members)
    depth: Any = np.concatenate([shapes.num_layers for shapes in members.values()])
    num_heads = heads_of(width, heads.head_dim, heads.step)
    mixers = _mixers(members, heads.head_dim, num_heads)
    ffns = _ffns(members, d_hidden)
    names = ("moe_every", "first_dense_layers", "full_every")
    pattern = LayerPattern(routes=not first.dense, **{name: _column(members, name) for name in names})
    counts: Any = pattern.counts(depth)
    return ArchSpec(
        name=NAMES[first.dense],
        vocab_size=vocab_size,
        d_model=width,
        layers=tuple(
            LayerGroup(num_layers=counts[routes, full], mixer=mixers[full], ffn=ffns[routes])
            for routes, full in first.kinds_of_layers
        ),
    )


def _ffns(members: Members, d_hidden: Any) -> dict[bool, FeedForward]:
    """The feed-forwards of layers that route and of those that do not."""
    first = next(iter(members))
    if first.dense:
        return {False: DenseFFN(d_ff=d_hidden)}
    shared = _column(members, "num_shared_experts")
    experts = MoE(
        num_experts=_column(members, "num_experts"),
        top_k=_column(members, "top_k"),
        d_expert=d_hidden,
        num_shared_experts=shared,
        d_shared=d_hidden * (shared > 0),
        shared_gate=first.attention == "gqa-gdn",
    )
    used = _used(members) if first.dense_layer_width == "active" else 1
    return {False: DenseFFN(d_ff=d_hidden * used), True: experts}


def _mixers(members: Members, head_dim: int, heads: Any) -> dict[bool, Mixer]:
    """The mixers of layers that attend to everything and of those that do not.

    Beside windows queries and keys have norms, as in Gemma 3 and K-EXAONE; beside linear attention a gate too, as
    in Qwen3-Next, whose widths those of the gated delta rule follow (d_model 2,048: 16 heads of keys and 32 of
    values of 128, a convolution over 4 tokens).
    """
    kind = next(iter(members)).attention
    if kind == "mla":
        latent = LatentAttention(
            num_heads=heads,
            kv_lora_rank=4 * head_dim,
            qk_nope_dim=head_dim,
            qk_rope_dim=head_dim // 2,
            v_dim=head_dim,
        )
        return {True: latent}
    kv_heads = heads if kind == "mha" else np.minimum(_column(members, "num_kv_heads"), heads)
    plain = Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=head_dim)
    if kind == "gqa-swa":
        normed = replace(plain, qk_norm="head")
        return {True: normed, False: replace(normed, window_tokens=_column(members, "window_tokens"))}
    if kind == "gqa-gdn":
        linear = GatedDeltaNet(
            num_key_heads=heads, num_value_heads=2 * heads, key_dim=head_dim, value_dim=head_dim, d_conv=4
        )
        return {True: replace(plain, qk_norm="head", output_gate=True), False: linear}
    return {True: plain}


def _widths(members: Members) -> Any:
    return np.concatenate([shapes.d_model for shapes in members.values()])


def _column(members: Members, name: str) -> Any:
    """A field of the families, once for each of their shapes."""
    counts = [len(shapes.d_model) for shapes in members.values()]
    return np.repeat([getattr(family, name) for family in members], counts)
