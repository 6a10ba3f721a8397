"""The designs that a plan chooses from: families of experts, widths and depths."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

import numpy as np
from jaxtyping import Int

from optimoe.arch.design import EXPERT_STEP, WIDTH_STEP, width_between
from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, LatentAttention, Mixer, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import InfeasibleError, require, require_positive
from optimoe.core.units import format_count
from optimoe.laws.terms.ratio import CONTEXT_TOKENS
from optimoe.planner.problem.family import BestRatio, Family
from optimoe.planner.problem.kinds import AttentionKind, DenseLayerWidth
from optimoe.planner.problem.shapes import Shapes, layers_in_order, routed_layers

POSITIVE = ("num_experts", "top_k", "ffn_ratio", "num_kv_heads", "moe_every")
NOT_NEGATIVE = ("num_shared_experts", "first_dense_layers")

COARSE_DEPTHS = 5
"""Depths of each width on the coarse grid: price and loss are smooth between neighbours a quarter apart."""

NO_DEPTH = "moe_every: no depth of the space has a routed layer; state a smaller one"

FEW = 10_000
"""Designs up to which a space is priced whole, which takes no longer than a search."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """Decoders with gated feed-forwards, dense or with routed experts in some layers or all: families × shapes.

    Attributes:
        num_experts: Expert counts E to compare; 1 is dense.
        top_k: Routed experts per token of the models that route; each is tried with every E above it.
        ffn_ratio: Hidden width over d_model of one expert; a dense feed-forward takes the largest. 3 is that
            of the joint law's runs (Ludziejewski 2025, Sec. 4).
        expert_attention_ratio: In place of it for models that route, ratios r of FLOPs in experts to those in
            attention; or the one that is best by Li's law at a budget.
        num_shared_experts: Shared experts of the models that route.
        num_kv_heads: Key-value heads of grouped attention; widths are then multiples of head_dim · the largest.
        attention: Kinds of attention.
        moe_every: Of the models that route every n-th layer does, for each n; 1 is all layers.
        first_dense_layers: Layers at the bottom of these models that do not route.
        dense_layer_width: How wide the feed-forwards of their dense layers are.
        params_total: Parameters that every design stores, both embeddings included, so that experts are compared
            at constant total size (experiment 3 of Yun 2024, arXiv 2404.02852); infinite for any. Widths are then
            multiples of 128, with the heads that come nearest to spanning them.
        params_tolerance: How far from that a design may be, relatively: a layer more of fifty moves it by 2 %.
        min_aspect, max_aspect: Bounds on d_model/num_layers: 64 in those runs, 128 in Mixtral 8x7B.
        head_dim: Width of a head.
        vocab_size: 50,304 is GPT-2's vocabulary of the law's runs, padded to a multiple of 64.
        max_width: Largest d_model.
        exhaustive: Whether every design is priced even where there are more than :data:`FEW`.

    Raises:
        ConfigError: A count is not positive, or no k fits some E.
    """

    num_experts: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    top_k: tuple[int, ...] = (1,)
    ffn_ratio: tuple[float, ...] = (3.0,)
    expert_attention_ratio: tuple[float, ...] | BestRatio = ()
    num_shared_experts: tuple[int, ...] = (0,)
    num_kv_heads: tuple[int, ...] = (8,)
    attention: tuple[AttentionKind, ...] = ("gqa",)
    moe_every: tuple[int, ...] = (1,)
    first_dense_layers: tuple[int, ...] = (0,)
    dense_layer_width: DenseLayerWidth = "active"
    params_total: float = math.inf
    params_tolerance: float = 0.02
    min_aspect: float = 64.0
    max_aspect: float = 128.0
    head_dim: int = 128
    vocab_size: int = 50_304
    max_width: int = 16_384
    exhaustive: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "params_total", "min_aspect", "head_dim", "vocab_size", "max_width")
        require(0 < self.params_tolerance < 1, "params_tolerance", "above 0 and below 1", self.params_tolerance)
        for name in (*POSITIVE, *NOT_NEGATIVE, "attention"):
            require(len(getattr(self, name)) > 0, name, "one value or more", getattr(self, name))
        for name in POSITIVE:
            require(min(getattr(self, name)) > 0, name, "positive", min(getattr(self, name)))
        for name in NOT_NEGATIVE:
            require(min(getattr(self, name)) >= 0, name, "zero or more", min(getattr(self, name)))
        kinds = get_args(DenseLayerWidth)
        require(self.dense_layer_width in kinds, "dense_layer_width", " or ".join(kinds), self.dense_layer_width)
        if not isinstance(self.expert_attention_ratio, BestRatio):
            for ratio in self.expert_attention_ratio:
                require(ratio > 0, "expert_attention_ratio", "positive", ratio)
        for kind in self.attention:
            require(kind in get_args(AttentionKind), "attention", "mha, gqa or mla", kind)
        for experts in self.num_experts:
            limit = f"1 (dense) or at least top_k = {min(self.top_k)}"
            require(experts == 1 or experts >= min(self.top_k), "num_experts", limit, experts)
        require(self.max_aspect >= self.min_aspect, "max_aspect", "at least min_aspect", self.max_aspect)
        require(
            self.max_width >= self.width_step,
            "max_width",
            f"at least head_dim · num_kv_heads = {self.width_step}",
            self.max_width,
        )

    def families(self) -> tuple[Family, ...]:
        """Every combination of the values; dense families once, with the widest feed-forward."""
        families: dict[Family, None] = {}
        for experts, kv_heads, kind in product(sorted(set(self.num_experts)), self.num_kv_heads, self.attention):
            attention: dict[str, Any] = {"attention": kind} | ({"num_kv_heads": kv_heads} if kind == "gqa" else {})
            if experts == 1:
                families[Family(num_experts=1, ffn_ratio=max(self.ffn_ratio), **attention)] = None
                continue
            fitting = [k for k in self.top_k if k <= experts]
            for k, shared in product(fitting, self.num_shared_experts):
                for width, layers in product(self._widths(experts, k, shared), self._patterns()):
                    expert: dict[str, Any] = {"top_k": k, "num_shared_experts": shared} | width | layers
                    families[Family(num_experts=experts, **expert, **attention)] = None
        return tuple(families)

    def _patterns(self) -> list[dict[str, Any]]:
        """Which layers route, as fields of a family; dense layers that n makes dense anyway do not count."""
        patterns: list[dict[str, Any]] = []
        for every, first in product(self.moe_every, self.first_dense_layers):
            pattern: dict[str, Any] = {"moe_every": every, "first_dense_layers": first - first % every}
            mixed = every > 1 or first > 0
            patterns.append(pattern | ({"dense_layer_width": self.dense_layer_width} if mixed else {}))
        return patterns

    def _widths(self, num_experts: int, top_k: int, shared: int) -> list[dict[str, float]]:
        """What sets the width of experts, as fields of a family."""
        if isinstance(self.expert_attention_ratio, BestRatio):
            return [{"expert_attention_ratio": self.expert_attention_ratio.of(num_experts, top_k, shared)}]
        if self.expert_attention_ratio:
            return [{"expert_attention_ratio": ratio} for ratio in self.expert_attention_ratio]
        return [{"ffn_ratio": ratio} for ratio in self.ffn_ratio]

    @property
    def width_step(self) -> int:
        """Widths are multiples of this, so that heads of the whole width divide by the key-value heads.

        At a constant total they are finer, and the heads do not span the width.
        """
        return WIDTH_STEP if self.constant_total else self.head_dim * self._heads_step

    @property
    def _heads_step(self) -> int:
        return max(self.num_kv_heads) if "gqa" in self.attention else 1

    @property
    def constant_total(self) -> bool:
        """Whether every design stores as many parameters."""
        return math.isfinite(self.params_total)

    def of(self, family: Family, shapes: Shapes) -> Shapes:
        """Keep the shapes that a family has: deep enough for a routed layer, and of the total asked for."""
        deep = self.deep(family, shapes)
        if not self.constant_total or not len(deep.d_model):
            return deep
        return deep.where(np.abs(self._totals(family, deep) / self.params_total - 1) <= self.params_tolerance)

    def deep(self, family: Family, shapes: Shapes) -> Shapes:
        """Keep the shapes that are deep enough for a routed layer, of whole periods of dense and routed ones.

        Layers of a period that is broken off would be dense: designs of one family would route other shares of
        their layers, and a law of those that route every n-th could not rank them.
        """
        routed = routed_layers(shapes.num_layers, family.moe_every, family.first_dense_layers)
        return shapes.where((routed > 0) & (shapes.num_layers % family.moe_every == 0))

    def nearest(self, family: Family) -> ArchSpec:
        """The design of a family that comes nearest to the total asked for, relatively.

        Raises:
            InfeasibleError: No depth of the space has a routed layer.
        """
        shapes = self.deep(family, self.every())
        if not len(shapes.d_model):
            raise InfeasibleError(NO_DEPTH)
        miss = np.abs(np.log(self._totals(family, shapes) / self.params_total))
        best = shapes.where(np.array([int(miss.argmin())]))
        return self.stacked(family, self.designs({family: best}).at(0))

    def _totals(self, family: Family, shapes: Shapes) -> Any:
        return count_params(self.designs({family: shapes})).total

    def members(self, shapes: Shapes) -> dict[Family, Shapes]:
        """Give each family those of some shapes that it has; families that have none are left out."""
        members = {family: self.of(family, shapes) for family in self.families()}
        return {family: own for family, own in members.items() if len(own.d_model)}

    @property
    def size(self) -> int:
        """Number of designs of all families."""
        return sum(len(own.d_model) for own in self.members(self.every()).values())

    @property
    def wholly_priced(self) -> bool:
        """Whether every design is priced, so that the best is the best of the space."""
        return self.exhaustive or self.constant_total or self.size <= FEW

    def first(self) -> dict[Family, Shapes]:
        """The shapes of each family that are priced first.

        Raises:
            InfeasibleError: No family has any.
        """
        members = self.members(self.every() if self.wholly_priced else self.coarse())
        if not members and self.constant_total:
            raise InfeasibleError(self._no_total())
        if not members:
            raise InfeasibleError(NO_DEPTH)
        return members

    def _no_total(self) -> str:
        """No design is so large in total, and what would lift it."""
        nearest = {family: count_params(self.nearest(family)).total for family in self.families()}
        family, total = min(nearest.items(), key=lambda one: abs(math.log(one[1] / self.params_total)))
        kind, miss = "dense" if family.dense else f"E = {family.num_experts}", abs(total / self.params_total - 1)
        lift = f" (--params-tolerance {miss * 1.01:.2g} would take it)" if miss < 1 / 2 else ""
        return (
            f"params_total: no width and depth of any family comes within {100 * self.params_tolerance:.2g}% of "
            f"{format_count(self.params_total)}; the nearest, {kind}, has {format_count(total)}{lift}"
        )

    def coarse(self) -> Shapes:
        """The coarse shapes: every width with five depths from shallow to deep, whole periods where it has any."""
        period = math.lcm(*self.moe_every)

        def chosen(depths: np.ndarray) -> np.ndarray:
            whole = depths[depths % period == 0]
            ends = whole if len(whole) else depths
            step = period if len(whole) else 1
            return np.unique((np.linspace(ends[0], ends[-1], COARSE_DEPTHS) / step).astype(int) * step)

        return self._shapes(chosen)

    def every(self) -> Shapes:
        """All shapes: every width with every depth."""
        return self._shapes(lambda depths: depths)

    def around(self, d_model: int, num_layers: int) -> Shapes:
        """The shapes around a coarse design: its width and the next ones, every depth up to its neighbours."""
        every = self.every()
        near = np.abs(every.d_model - d_model) <= self.width_step
        span = max(1, int(np.ceil(num_layers / (COARSE_DEPTHS - 1))))
        same = (every.d_model == d_model) & (np.abs(every.num_layers - num_layers) > span)
        return every.where(near & ~same)

    def designs(self, members: Mapping[Family, Shapes]) -> ArchSpec:
        """Make a grid of designs, family by family: all dense, routed or mixed, with one kind of attention.

        Where layers differ the dense ones come first; :meth:`stacked` puts those of one design in order.
        """
        width = np.concatenate([shapes.d_model for shapes in members.values()])
        d_hidden, ratio = width * _column(members, "ffn_ratio"), _column(members, "expert_attention_ratio")
        if np.any(ratio):
            one_step, two_steps = (
                expert_attention_ratio(self._grid(members, steps * EXPERT_STEP), CONTEXT_TOKENS)
                for steps in (1, 2)
            )
            d_hidden = np.where(ratio > 0, width_between(one_step, two_steps, ratio, EXPERT_STEP), d_hidden)
        steps = np.maximum(np.round(d_hidden / EXPERT_STEP), 1)
        return self._grid(members, (steps * EXPERT_STEP).astype(int))

    def stacked(self, family: Family, design: ArchSpec) -> ArchSpec:
        """One design of a grid with its layers in the order in which they are stacked."""
        return layers_in_order(design, family.moe_every, family.first_dense_layers)

    def _grid(self, members: Mapping[Family, Shapes], d_hidden: Any) -> ArchSpec:
        """The designs with so wide experts, or dense feed-forwards: dense layers first, whatever their order."""
        first = next(iter(members))
        width: Any = np.concatenate([shapes.d_model for shapes in members.values()])
        depth: Any = np.concatenate([shapes.num_layers for shapes in members.values()])
        step = self._heads_step
        heads = np.maximum(np.round(width / self.head_dim / step), 1).astype(int) * step
        mixer = self._mixer(first.attention, heads, _column(members, "num_kv_heads"))
        if first.dense:
            groups: list[tuple[Any, FeedForward]] = [(depth, DenseFFN(d_ff=d_hidden))]
        else:
            shared, top_k = _column(members, "num_shared_experts"), _column(members, "top_k")
            experts = MoE(
                num_experts=_column(members, "num_experts"),
                top_k=top_k,
                d_expert=d_hidden,
                num_shared_experts=shared,
                d_shared=d_hidden * (shared > 0),
            )
            groups = [(depth, experts)]
            if first.mixed:
                every, low = (_column(members, name) for name in ("moe_every", "first_dense_layers"))
                routed = routed_layers(depth, every, low)
                used = top_k + shared if first.dense_layer_width == "active" else 1
                groups = [(depth - routed, DenseFFN(d_ff=d_hidden * used)), (routed, experts)]
        return ArchSpec(
            name="dense" if first.dense else "moe",
            vocab_size=self.vocab_size,
            d_model=width,
            layers=tuple(LayerGroup(num_layers=layers, mixer=mixer, ffn=ffn) for layers, ffn in groups),
        )

    def _mixer(self, kind: AttentionKind, heads: Any, num_kv_heads: Any) -> Mixer:
        if kind != "mla":
            kv_heads = heads if kind == "mha" else num_kv_heads
            return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=self.head_dim)
        return LatentAttention(
            num_heads=heads,
            kv_lora_rank=4 * self.head_dim,
            qk_nope_dim=self.head_dim,
            qk_rope_dim=self.head_dim // 2,
            v_dim=self.head_dim,
        )

    def _shapes(self, choose: Callable[[np.ndarray], np.ndarray]) -> Shapes:
        widths = np.arange(self.width_step, self.max_width + 1, self.width_step)
        depths = [choose(self._depths(int(width))) for width in widths]
        return Shapes(d_model=np.repeat(widths, [len(own) for own in depths]), num_layers=np.concatenate(depths))

    def _depths(self, width: int) -> Int[np.ndarray, " depths"]:
        shallow = max(1, int(np.ceil(width / self.max_aspect)))
        return np.arange(shallow, max(shallow, int(width / self.min_aspect)) + 1)


def _column(members: Mapping[Family, Shapes], name: str) -> Any:
    """A field of the families, once for each of their shapes."""
    counts = [len(shapes.d_model) for shapes in members.values()]
    return np.repeat([getattr(family, name) for family in members], counts)
