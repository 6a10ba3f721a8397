"""From what a designer wants to a shape: the inverses of the counts.

Widths are multiples of what hardware likes, so a round trip returns the wish within the rounding of a shape.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from optimoe.arch.flops import expert_attention_ratio, prefill_flops
from optimoe.arch.params import ParamCount, count_params, expert_params
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError, InfeasibleError, require, require_positive

Target = Literal["params_active", "params_total", "flops_per_token"]
Convention = Literal["krajewski", "ling"]
GRANULARITY_FACTOR: dict[Convention, int] = {"krajewski": 4, "ling": 2}
"""Granularity is 4·d/d_expert (Krajewski 2024, plain feed-forward of 4·d) or 2·d/d_expert (Ling)."""

EXPERT_STEP = 64
"""Expert widths are multiples of this: tiles of grouped matrix products."""


def d_expert_for_granularity(
    d_model: int, granularity: float, convention: Convention = "krajewski", step: int = EXPERT_STEP
) -> int:
    """The expert width nearest to a granularity: factor·d/G, to a multiple of ``step``.

    Raises:
        ConfigError: The granularity is not positive.
    """
    require(granularity > 0, "granularity", "positive", granularity)
    return _nearest(GRANULARITY_FACTOR[convention] * d_model / granularity, step)


def d_expert_for_ratio(arch: ArchSpec, ratio: float, context: float, step: int = EXPERT_STEP) -> int:
    """The expert width at which FLOPs in experts are ``ratio`` times those in attention.

    r is linear in d_expert, with the router and shared experts of fixed width as its offset: solved from two
    widths.

    Args:
        arch: A model with routed experts; its own d_expert does not matter.
        ratio: r = C_E/C_A of Li et al. 2026, a ratio and not a share.
        context: Tokens that attention sees.
        step: The width is a multiple of this.

    Raises:
        ConfigError: The model does not route.
        InfeasibleError: Router and shared experts alone exceed the ratio.
    """
    moe = arch.moe
    if moe is None:
        raise ConfigError(f"arch: must have routed experts, got {arch.name}")
    low, high = (expert_attention_ratio(with_d_expert(arch, width), context) for width in (step, 2 * step))
    width = step + (ratio - low) / (high - low) * step
    if width <= step / 2:
        raise InfeasibleError(f"r: {ratio:g} is below what one step of expert width gives, {low:.3g}")
    return _nearest(width, step)


def with_d_expert(arch: ArchSpec, d_expert: int) -> ArchSpec:
    """The model with another width of its routed experts (and of shared experts of that width)."""

    def changed(ffn: FeedForward) -> FeedForward:
        if not isinstance(ffn, MoE):
            return ffn
        shared = d_expert if ffn.d_shared == ffn.d_expert else ffn.d_shared
        return replace(ffn, d_expert=d_expert, d_shared=shared)

    return replace(arch, layers=tuple(replace(group, ffn=changed(group.ffn)) for group in arch.layers))


def params_total_from_active(arch: ArchSpec, params_active: float) -> float:
    """N_total of a model of this E and k with so many active parameters: N_act + Σ layers·(E − k)·expert."""
    return params_active + _idle_params(arch)


def params_active_from_total(arch: ArchSpec, params_total: float) -> float:
    """N_act of a model of this E and k with so many parameters: N_total − Σ layers·(E − k)·expert."""
    return params_total - _idle_params(arch)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A model by what it should be.

    Attributes:
        target: What ``value`` counts: active or total parameters with embeddings, or prefill FLOPs per token.
        value: The wish.
        num_experts, top_k: E and k; E = 1 is dense.
        granularity: Of the experts (of the feed-forward when dense), in ``convention``; 4/3, a width of 3·d,
            when neither it nor a ratio is given (0).
        convention: Of the granularity.
        ratio: r = C_E/C_A at ``context``, from which the expert width follows; 0 leaves that to G.
        num_shared_experts: Of the routed width.
        context: Tokens, for the ratio and FLOPs.
        aspect: d_model per layer.
        head_dim, num_kv_heads, vocab_size, tp: Shape; heads divide by ``tp`` and by the key-value heads.

    Raises:
        ConfigError: A number is out of limits, or granularity and ratio are both given.
    """

    target: Target
    value: float
    num_experts: int = 1
    top_k: int = 1
    granularity: float = 0.0
    convention: Convention = "krajewski"
    ratio: float = 0.0
    num_shared_experts: int = 0
    context: int = 4096
    aspect: float = 128.0
    head_dim: int = 128
    num_kv_heads: int = 8
    vocab_size: int = 50_304
    tp: int = 1

    def __post_init__(self) -> None:
        require_positive(
            self,
            "value",
            "num_experts",
            "top_k",
            "context",
            "aspect",
            "head_dim",
            "num_kv_heads",
            "vocab_size",
            "tp",
        )
        require(self.granularity >= 0, "granularity", "zero or more", self.granularity)
        require(self.ratio >= 0, "ratio", "zero or more", self.ratio)
        require(not (self.granularity and self.ratio), "ratio", "left out beside a granularity", self.ratio)
        require(self.num_experts > 1 or not self.ratio, "ratio", "left out of a dense model", self.ratio)


def design(wish: Wish, name: str = "design") -> ArchSpec:
    """The shape nearest to a wish.

    Every width that suits the heads is tried with the depths around d/aspect; the nearest value of the target
    wins, the aspect ratio deciding between equals within 2 %.

    Raises:
        InfeasibleError: Even the smallest shape is more than twice the wish.
        ConfigError: The wish is out of limits.
    """
    step = wish.head_dim * math.lcm(wish.num_kv_heads, wish.tp)
    best: tuple[float, float] | None = None
    chosen: ArchSpec | None = None
    width = step
    while True:
        usual = max(1, round(width / wish.aspect))
        shapes = [
            _shape(wish, name, width, max(1, usual + extra)) for extra in range(-(usual // 4), usual // 4 + 1)
        ]
        for shape in shapes:
            miss = abs(_value(wish, shape) / wish.value - 1)
            score = (round(miss / 0.02), abs(shape.num_layers - usual) / usual + miss)
            if best is None or score < best:
                best, chosen = score, shape
        if _value(wish, shapes[0]) > 2 * wish.value:
            break
        width += step
    assert chosen is not None
    if _value(wish, chosen) > 2 * wish.value:
        raise InfeasibleError(
            f"{wish.target}: {wish.value:g} is below half of the smallest shape, {_value(wish, chosen):.4g}; "
            "lower head_dim, num_kv_heads, tp or vocab_size"
        )
    return chosen


def _shape(wish: Wish, name: str, width: int, num_layers: int) -> ArchSpec:
    attention = Attention(num_heads=width // wish.head_dim, num_kv_heads=wish.num_kv_heads, head_dim=wish.head_dim)
    granularity = wish.granularity or GRANULARITY_FACTOR[wish.convention] / 3
    d_expert = d_expert_for_granularity(width, granularity, wish.convention)
    arch = ArchSpec(
        name=name,
        vocab_size=wish.vocab_size,
        d_model=width,
        layers=(LayerGroup(num_layers=num_layers, mixer=attention, ffn=_ffn(wish, d_expert)),),
    )
    if wish.ratio:
        arch = with_d_expert(arch, d_expert_for_ratio(arch, wish.ratio, wish.context))
    return arch


def _ffn(wish: Wish, width: int) -> FeedForward:
    if wish.num_experts == 1:
        return DenseFFN(d_ff=width)
    return MoE(
        num_experts=wish.num_experts,
        top_k=wish.top_k,
        d_expert=width,
        num_shared_experts=wish.num_shared_experts,
        d_shared=width if wish.num_shared_experts else 0,
    )


def _value(wish: Wish, arch: ArchSpec) -> float:
    if wish.target == "flops_per_token":
        return prefill_flops(arch, wish.context).total
    params: ParamCount = count_params(arch)
    return params.active if wish.target == "params_active" else params.total


def _idle_params(arch: ArchSpec) -> float:
    return sum(
        group.num_layers * (group.ffn.num_experts - group.ffn.top_k) * expert_params(group.ffn, arch.d_model)
        for group in arch.layers
        if isinstance(group.ffn, MoE)
    )


def _nearest(value: float, step: int) -> int:
    return max(step, round(value / step) * step)
