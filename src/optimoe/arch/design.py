"""From what a designer wants to a shape: the inverses of the counts.

Widths are multiples of what hardware likes, so a round trip returns the target within the rounding of a shape.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from optimoe.arch.count import GRANULARITY_FACTOR, Convention
from optimoe.arch.flops import expert_attention_ratio, prefill_flops
from optimoe.arch.params import ParamCount, count_params
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, InfeasibleError, require, require_positive

Target = Literal["params_active", "params_total", "flops_per_token"]
EXPERT_STEP = 64
"""Expert widths are multiples of this: tiles of grouped matrix products."""

WIDTH_STEP = 128
"""d_model is a multiple of this."""

LARGEST = 1e18
"""Parameters, or FLOPs per token, beyond which a target is a mistake."""

FARTHEST = 0.25
"""A shape farther from the target, relatively, is no answer to it."""


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
    width = width_between(low, high, ratio, step)
    if width <= step / 2:
        raise InfeasibleError(f"r: {ratio:g} is below what one step of expert width gives, {low:.3g}")
    return _nearest(width, step)


def width_between(low: Values, high: Values, ratio: Values, step: int) -> Values:
    """The width of a ratio, given those at one and at two steps of width."""
    return step + (ratio - low) / (high - low) * step


def with_d_expert(arch: ArchSpec, d_expert: int) -> ArchSpec:
    """The model with another width of its routed experts (and of shared experts of that width)."""

    def changed(moe: MoE) -> MoE:
        return replace(moe, d_expert=d_expert, d_shared=d_expert if moe.d_shared == moe.d_expert else moe.d_shared)

    return _with_moe(arch, changed)


def with_wider_experts(arch: ArchSpec, times: Values) -> ArchSpec:
    """The model with all its experts, shared ones too, so many times as wide; a width need not be whole."""

    def changed(moe: MoE) -> MoE:
        widths: dict[str, Any] = {name: getattr(moe, name) * times for name in ("d_expert", "d_shared")}
        return replace(moe, **widths)

    return _with_moe(arch, changed)


def _with_moe(arch: ArchSpec, change: Callable[[MoE], MoE]) -> ArchSpec:
    layers = (
        replace(group, ffn=change(group.ffn)) if isinstance(group.ffn, MoE) else group for group in arch.layers
    )
    return replace(arch, layers=tuple(layers))


def params_total_from_active(arch: ArchSpec, params_active: float) -> float:
    """N_total of a model of this E and k with so many active parameters: N_act + Σ layers·(E − k)·expert."""
    return params_active + _idle_params(arch)


def params_active_from_total(arch: ArchSpec, params_total: float) -> float:
    """N_act of a model of this E and k with so many parameters: N_total − Σ layers·(E − k)·expert."""
    return params_total - _idle_params(arch)


def num_experts_for_total(arch: ArchSpec, params_total: float) -> int:
    """E at which the model stores so many parameters, N_total being linear in E (experts and routers' rows).

    Args:
        arch: A model with routed experts; its own E does not matter.
        params_total: The target; what comes back is the nearest E, no smaller than k.

    Raises:
        ConfigError: The model does not route.
    """
    if arch.moe is None:
        raise ConfigError(f"arch: must have routed experts, got {arch.name}")
    k = arch.moe.top_k
    least, more = (count_params(with_num_experts(arch, number)).total for number in (k, k + 1))
    return max(k, k + round((params_total - least) / (more - least)))


def num_experts_for_sparsity(top_k: int, sparsity: float) -> int:
    """E of which k are active at S = (E − k)/E: the integer nearest to k/(1 − S).

    Raises:
        ConfigError: The sparsity is not in [0, 1).
    """
    require(0 <= sparsity < 1, "sparsity", "in [0, 1)", sparsity)
    return round(top_k / (1 - sparsity))


def with_num_experts(arch: ArchSpec, num_experts: int) -> ArchSpec:
    """The model with so many routed experts in each of its routed layers."""
    return _with_moe(arch, lambda moe: replace(moe, num_experts=num_experts))


def one_expert_twin(arch: ArchSpec) -> ArchSpec:
    """The dense model whose feed-forward is one expert: what upcycling starts from; Yun's N is its nonembedding.

    Of a top-1 model without shared experts it is also what one token sees (Clark's N).
    """
    return _dense_twin_of_width(arch, lambda moe: moe.d_expert)


def dense_twin(arch: ArchSpec) -> ArchSpec:
    """The dense model as wide as all experts that a token uses: equal active size, but for the router."""
    return _dense_twin_of_width(arch, lambda moe: moe.top_k * moe.d_expert + moe.num_shared_experts * moe.d_shared)


def _dense_twin_of_width(arch: ArchSpec, width: Callable[[MoE], int]) -> ArchSpec:
    def turned(group: LayerGroup) -> LayerGroup:
        if not isinstance(group.ffn, MoE):
            return group
        dense = DenseFFN(d_ff=width(group.ffn), gated=group.ffn.gated)
        return replace(group, ffn=dense, precisions=group.precisions.with_dense_as_routed())

    return replace(arch, layers=tuple(map(turned, arch.layers)))


@dataclass(frozen=True, kw_only=True)
class DesignTarget:
    """A model by what it should be.

    Attributes:
        target: What ``value`` counts: active or total parameters with embeddings, or prefill FLOPs per token.
        value: What it should be.
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
        require(self.value <= LARGEST, "value", f"at most {LARGEST:g}", self.value)
        require(self.granularity >= 0, "granularity", "zero or more", self.granularity)
        require(self.ratio >= 0, "ratio", "zero or more", self.ratio)
        require(not (self.granularity and self.ratio), "ratio", "left out beside a granularity", self.ratio)
        require(self.num_experts > 1 or not self.ratio, "ratio", "left out of a dense model", self.ratio)


def design(wanted: DesignTarget, name: str = "design") -> ArchSpec:
    """The shape nearest to a target.

    Every width is tried with the depth that comes nearest to the target within a quarter of d/aspect; the nearest
    value of the target wins. Between values within 2 %, the aspect ratio and heads that span d decide.

    Raises:
        InfeasibleError: No shape comes within a quarter of the target.
        ConfigError: The target is out of limits.
    """
    chosen = min(_candidates(wanted, name), key=lambda shape: _misfit(wanted, shape))
    value = _value(wanted, chosen)
    if abs(value / wanted.value - 1) > FARTHEST:
        raise InfeasibleError(
            f"{wanted.target}: the shape nearest to {wanted.value:g} has {value:.4g}; for a smaller one "
            "lower head_dim, num_kv_heads, tp, num_experts or vocab_size, or raise granularity"
        )
    return chosen


def _candidates(wanted: DesignTarget, name: str) -> Iterator[ArchSpec]:
    """One shape of every width, up to the first that is too large."""
    width = _up(wanted.head_dim * _heads_step(wanted) // 2, WIDTH_STEP)
    while True:
        shape = _at_depth(wanted, _shape(wanted, name, width))
        yield shape
        if _value(wanted, shape) > (1 + FARTHEST) * wanted.value:
            return
        width += WIDTH_STEP


def _misfit(wanted: DesignTarget, shape: ArchSpec) -> tuple[float, float]:
    """The miss in steps of 2 %; between equals, how far the aspect and the heads' width are from the usual."""
    miss = abs(_value(wanted, shape) / wanted.value - 1)
    attention = shape.attention
    assert isinstance(attention, Attention)
    spanned = attention.num_heads * attention.head_dim / shape.d_model
    return round(miss / 0.02), miss + abs(shape.num_layers / _usual_depth(wanted, shape) - 1) + abs(spanned - 1)


def _at_depth(wanted: DesignTarget, shape: ArchSpec) -> ArchSpec:
    """The depth nearest to the target within a quarter of the usual (or a layer): the target is linear in it."""
    usual = _usual_depth(wanted, shape)
    slack = max(1, usual // 4)
    one, two = (_value(wanted, _deep(shape, depth)) for depth in (1, 2))
    depth = 1 + (wanted.value - one) / (two - one)
    return _deep(shape, min(max(round(depth), usual - slack, 1), usual + slack))


def _usual_depth(wanted: DesignTarget, shape: ArchSpec) -> int:
    return max(1, round(shape.d_model / wanted.aspect))


def _deep(shape: ArchSpec, num_layers: int) -> ArchSpec:
    return replace(shape, layers=tuple(replace(group, num_layers=num_layers) for group in shape.layers))


def _heads_step(wanted: DesignTarget) -> int:
    """What the number of heads is a multiple of."""
    return math.lcm(wanted.num_kv_heads, wanted.tp)


def _shape(wanted: DesignTarget, name: str, width: int) -> ArchSpec:
    """One layer of that width, with the heads that come nearest to spanning it."""
    heads = _nearest(width / wanted.head_dim, _heads_step(wanted))
    attention = Attention(num_heads=heads, num_kv_heads=wanted.num_kv_heads, head_dim=wanted.head_dim)
    granularity = wanted.granularity or GRANULARITY_FACTOR[wanted.convention] / 3
    d_expert = d_expert_for_granularity(width, granularity, wanted.convention)
    arch = ArchSpec(
        name=name,
        vocab_size=wanted.vocab_size,
        d_model=width,
        layers=(LayerGroup(num_layers=1, mixer=attention, ffn=_ffn(wanted, d_expert)),),
    )
    if wanted.ratio:
        arch = with_d_expert(arch, d_expert_for_ratio(arch, wanted.ratio, wanted.context))
    return arch


def _ffn(wanted: DesignTarget, width: int) -> FeedForward:
    if wanted.num_experts == 1:
        return DenseFFN(d_ff=width)
    return MoE(
        num_experts=wanted.num_experts,
        top_k=wanted.top_k,
        d_expert=width,
        num_shared_experts=wanted.num_shared_experts,
        d_shared=width if wanted.num_shared_experts else 0,
    )


def _value(wanted: DesignTarget, arch: ArchSpec) -> float:
    if wanted.target == "flops_per_token":
        return prefill_flops(arch, wanted.context).total
    params: ParamCount = count_params(arch)
    return params.active if wanted.target == "params_active" else params.total


def _idle_params(arch: ArchSpec) -> float:
    return sum(
        group.num_stored * (group.ffn.num_experts - group.ffn.top_k) * group.ffn.expert_params(arch.d_model)
        for group in arch.layers
        if isinstance(group.ffn, MoE)
    )


def _nearest(value: float, step: int) -> int:
    return max(step, round(value / step) * step)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
