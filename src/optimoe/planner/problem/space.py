"""The designs that a plan chooses from: families of experts, widths and depths."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, get_args

import numpy as np
from jaxtyping import Int

from optimoe.arch.design import WIDTH_STEP
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError, require, require_positive
from optimoe.core.units import format_count
from optimoe.planner.problem.family import DENSE_FFN_RATIO, BestRatio, Family, family_of
from optimoe.planner.problem.grid.making import NAMES, Heads, designs_of
from optimoe.planner.problem.grid.steps import (
    HEADS_STEP,
    MISS,
    depths_of,
    expert_width,
    widths_of,
)
from optimoe.planner.problem.kinds import FULL_EVERY, GROUPED, WINDOW_TOKENS, AttentionKind, DenseLayerWidth
from optimoe.planner.problem.shapes import Shapes, layers_in_order

POSITIVE = (
    "num_experts", "top_k", "active_ffn_ratio", "dense_ffn_ratio", "num_kv_heads", "moe_every", "window_tokens",
)  # fmt: skip
NOT_NEGATIVE = ("num_shared_experts", "first_dense_layers")
VARIED = (*POSITIVE, *NOT_NEGATIVE, "attention", "ffn_ratio", "full_every")
"""What a space has several of."""
MOST_COMBINATIONS = 10_000
"""Of their values, each with all its widths and depths: thirteen times the default's 768, which take seconds."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """Decoders with gated feed-forwards, dense or with routed experts in some layers or all: families × shapes.

    The defaults hold what labs built in 2024 and 2025 (``lab_designs``); docs/planning.md says what is left out.

    Attributes:
        num_experts: Expert counts E to compare; 1 is dense.
        top_k: Routed experts per token of the models that route; each is tried with every E above it, up to
            ``max_active_share``.
        max_active_share: Largest k/E, but for the smallest k that an E has. No MoE in ``lab_designs`` routes to
            more than a quarter of its experts.
        active_ffn_ratio: Hidden width over d_model of all experts that a token uses, routed and shared; the width
            of one follows, in tiles (:mod:`optimoe.planner.problem.grid.steps`). Of the 15 models of 2025 in
            ``lab_designs`` 13 lie between 2.25 and 4.
        ffn_ratio: In place of it for models that route, hidden width over d_model of one expert.
        expert_attention_ratio: In place of both, ratios r of FLOPs in experts to those in attention; or the one
            that is best by Li's law at a budget.
        dense_ffn_ratio: Hidden width over d_model of dense models, whatever the experts of others are. 3.5 is the
            median of the nine dense rows of ``lab_designs``: Llama 3.1's, between 3 of Qwen3-8B and 5 of
            Qwen3-32B.
        num_shared_experts: Shared experts of the models that route.
        num_kv_heads: Key-value heads of grouped attention; a width with fewer heads has as many as these.
        attention: Kinds of attention.
        window_tokens: Tokens of the sliding windows of ``gqa-swa``.
        full_every: Of the layers of ``gqa-swa`` and ``gqa-gdn`` every n-th attends to everything, for each n of 2
            and more; left out, the usual one of each kind.
        moe_every: Of the models that route every n-th layer does, for each n; 1 is all layers.
        first_dense_layers: Layers at the bottom of these models that do not route.
        dense_layer_width: How wide the feed-forwards of their dense layers are.
        params_total: Parameters that every design stores, both embeddings included, so that experts are compared
            at constant total size (experiment 3 of Yun 2024, arXiv 2404.02852); infinite for any. Widths are then
            multiples of 128 and every depth is tried, for few would come near otherwise.
        params_tolerance: How far from that a design may be, relatively: a layer more of fifty moves it by 2 %.
        min_aspect, max_aspect: Bounds on d_model/num_layers: 43 in Qwen3-235B, 56 in GLM-4.5, 117 in DeepSeek-V3,
            128 in Mixtral 8x7B.
        head_dim: Width of a head.
        heads_step: Heads are multiples of this, or powers of two below it.
        vocab_size: 131,072 is about the median of ``lab_designs`` (129,280 of DeepSeek-V3, 128,256 of Llama 3.1),
            and rows that any tensor parallelism divides.
        max_width: Largest d_model; the widest of ``lab_designs`` has 8,192.
        width_step, depth_step: Multiples that widths and depths are of; 0: finer for small models than for large
            ones.
        exhaustive: Whether every design is priced even where there are many.

    Raises:
        ConfigError: A count is not positive, no k fits some E, or there are too many combinations to search.
    """

    num_experts: tuple[int, ...] = (1, 8, 16, 32, 64, 128, 256, 512)
    top_k: tuple[int, ...] = (1, 2, 4, 8)
    max_active_share: float = 0.25
    active_ffn_ratio: tuple[float, ...] = (2.0, 3.0, 4.0)
    ffn_ratio: tuple[float, ...] = ()
    expert_attention_ratio: tuple[float, ...] | BestRatio = ()
    dense_ffn_ratio: tuple[float, ...] = (DENSE_FFN_RATIO,)
    num_shared_experts: tuple[int, ...] = (0, 1)
    num_kv_heads: tuple[int, ...] = (8,)
    attention: tuple[AttentionKind, ...] = ("gqa", "mla")
    window_tokens: tuple[int, ...] = (WINDOW_TOKENS,)
    full_every: tuple[int, ...] = ()
    moe_every: tuple[int, ...] = (1,)
    first_dense_layers: tuple[int, ...] = (0, 1)
    dense_layer_width: DenseLayerWidth = "active"
    params_total: float = math.inf
    params_tolerance: float = 0.02
    min_aspect: float = 40.0
    max_aspect: float = 128.0
    head_dim: int = 128
    heads_step: int = HEADS_STEP
    vocab_size: int = 131_072
    max_width: int = 16_384
    width_step: int = 0
    depth_step: int = 0
    exhaustive: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "params_total", "min_aspect", "head_dim", "heads_step", "vocab_size", "max_width")
        require(0 < self.params_tolerance < 1, "params_tolerance", "above 0 and below 1", self.params_tolerance)
        require(0 < self.max_active_share <= 1, "max_active_share", "above 0, 1 at most", self.max_active_share)
        for name in (*POSITIVE, *NOT_NEGATIVE, "attention"):
            require(len(getattr(self, name)) > 0, name, "one value or more", getattr(self, name))
        for name in POSITIVE:
            require(min(getattr(self, name)) > 0, name, "positive", min(getattr(self, name)))
        for name in NOT_NEGATIVE:
            require(min(getattr(self, name)) >= 0, name, "zero or more", min(getattr(self, name)))
        for name in ("width_step", "depth_step"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        sizes = {name: len(getattr(self, name)) for name in VARIED if len(getattr(self, name)) > 1}
        found = math.prod(sizes.values())
        named = " × ".join(f"{number} {name}" for name, number in sizes.items())
        require(found <= MOST_COMBINATIONS, "space", f"at most {MOST_COMBINATIONS:,} combinations", named)
        kinds = get_args(DenseLayerWidth)
        require(self.dense_layer_width in kinds, "dense_layer_width", " or ".join(kinds), self.dense_layer_width)
        given = () if isinstance(self.expert_attention_ratio, BestRatio) else self.expert_attention_ratio
        for name, ratios in (("ffn_ratio", self.ffn_ratio), ("expert_attention_ratio", given)):
            require(min(ratios, default=1) > 0, name, "positive", min(ratios, default=1))
        for kind in self.attention:
            require(kind in get_args(AttentionKind), "attention", "mha, gqa, mla, gqa-swa or gqa-gdn", kind)
        require(min(self.full_every, default=2) > 1, "full_every", "2 or more", min(self.full_every, default=2))
        gated = "gqa-gdn" not in self.attention or set(self.num_experts) == {1} or 1 in self.num_shared_experts
        require(gated, "num_shared_experts", "1 among them with gqa-gdn: no family has it otherwise",
                self.num_shared_experts)  # fmt: skip
        for experts in self.num_experts:
            limit = f"1 (dense) or at least top_k = {min(self.top_k)}"
            require(experts == 1 or experts >= min(self.top_k), "num_experts", limit, experts)
        require(self.max_aspect >= self.min_aspect, "max_aspect", "at least min_aspect", self.max_aspect)
        least = int(widths_of(self.max_width + 1024, self._width_step)[0])
        require(self.max_width >= least, "max_width", f"at least the smallest width, {least}", self.max_width)

    def families(self) -> tuple[Family, ...]:
        """Every combination of the values; dense families once, whatever those of the experts are."""
        families: dict[Family, None] = {}
        for experts, attention in product(sorted(set(self.num_experts)), self._attentions()):
            if experts == 1:
                dense = (Family(num_experts=1, ffn_ratio=own, **attention) for own in self.dense_ffn_ratio)
                families |= dict.fromkeys(dense)
                continue
            for k, shared in product(self._top_k_of(experts), self.num_shared_experts):
                if attention["attention"] == "gqa-gdn" and shared != 1:
                    continue  # transformers has no such model without one gated shared expert
                for width, layers in product(self._widths(experts, k, shared), self._patterns()):
                    expert: dict[str, Any] = {"top_k": k, "num_shared_experts": shared} | width | layers
                    families[Family(num_experts=experts, **expert, **attention)] = None
        return tuple(families)

    def _attentions(self) -> list[dict[str, Any]]:
        """Kinds of attention with their heads, windows and patterns, as fields of a family."""
        found: list[dict[str, Any]] = []
        for kv_heads, kind in product(self.num_kv_heads, self.attention):
            fields = {"attention": kind} | ({"num_kv_heads": kv_heads} if kind in GROUPED else {})
            windows = [{"window_tokens": window} for window in self.window_tokens] if kind == "gqa-swa" else [{}]
            for window, every in product(windows, self.full_every_of(kind)):
                found.append(fields | window | {"full_every": every})
        return found

    def full_every_of(self, kind: AttentionKind) -> tuple[int, ...]:
        """Every which layer attends to everything under a kind of attention, for each n to compare."""
        return (self.full_every or (FULL_EVERY[kind],)) if kind in FULL_EVERY else (1,)

    def _top_k_of(self, num_experts: int) -> list[int]:
        """The k of an E: those up to a share of it, or the smallest."""
        most = max(self.max_active_share * num_experts, min(self.top_k))
        return [k for k in self.top_k if k <= most]

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
        ratios = self.expert_attention_ratio
        if isinstance(ratios, BestRatio):
            ratios = (ratios.of(num_experts, top_k, shared),)
        if ratios:
            return [{"ffn_ratio": 0.0, "expert_attention_ratio": ratio} for ratio in ratios]
        if self.ffn_ratio:
            return [{"ffn_ratio": ratio} for ratio in self.ffn_ratio]
        return [{"ffn_ratio": 0.0, "active_ffn_ratio": ratio} for ratio in self.active_ffn_ratio]

    @property
    def widths(self) -> Int[np.ndarray, " widths"]:
        """Every d_model of the space."""
        return widths_of(self.max_width, self._width_step)

    @property
    def _width_step(self) -> int:
        """At a constant total widths are finer, and their heads do not span them."""
        return self.width_step or (WIDTH_STEP if self.constant_total else 0)

    @property
    def heads(self) -> Heads:
        """How heads follow from a width: as many as key-value heads divide."""
        kv_heads = self.num_kv_heads if set(GROUPED) & set(self.attention) else ()
        return Heads(head_dim=self.head_dim, step=math.lcm(self.heads_step, *kv_heads))

    @property
    def near(self) -> bool:
        """Whether it has designs some layers of which do not attend to everything."""
        return bool(set(FULL_EVERY) & set(self.attention))

    @property
    def constant_total(self) -> bool:
        """Whether every design stores as many parameters."""
        return math.isfinite(self.params_total)

    def of(self, family: Family, shapes: Shapes) -> Shapes:
        """Keep the shapes that a family has: deep enough, experts as wide as it says, of the total asked for."""
        own = self.deep(family, shapes)
        if family.active_ffn_ratio:
            wanted = own.d_model * family.active_ffn_ratio / (family.top_k + family.num_shared_experts)
            own = own.where(np.abs(expert_width(wanted, stated=False) / wanted - 1) <= MISS)
        if not self.constant_total or not len(own.d_model):
            return own
        return own.where(np.abs(self._totals(family, own) / self.params_total - 1) <= self.params_tolerance)

    def contains(self, spec: ArchSpec) -> bool:
        """Whether a model is a design of the space, whatever it is called and its weights are stored in."""
        return bool(self.place_of(spec))

    def place_of(self, spec: ArchSpec) -> dict[Family, Shapes]:
        """The family and the shape of a model that is a design of the space; nothing of one that is not."""
        like, (every, asked) = family_of(spec), (self.every(), replace(spec.in_bf16, name=""))
        here = (every.d_model == spec.d_model) & (every.num_layers == spec.num_layers)
        shape = every.where(here)
        near = [one for one in self.families() if _alike(one, like)] if here.any() else []
        members = {family: own for family in near if len((own := self.of(family, shape)).d_model)}
        for family, own in members.items():
            if self.stacked(family, self.designs({family: own}).at(0)) == replace(asked, name=NAMES[family.dense]):
                return {family: own}
        return {}

    def deep(self, family: Family, shapes: Shapes) -> Shapes:
        """Keep the shapes that are deep enough for each kind of layer of a family, of whole periods.

        Layers of a period that is broken off would be dense, or have a window: designs of one family would route
        other shares of their layers, and a law of those that route every n-th could not rank them.
        """
        counts = family.pattern.counts(shapes.num_layers)
        deep = np.all([counts[kind] > 0 for kind in family.kinds_of_layers], axis=0)
        whole = (shapes.num_layers % family.moe_every == 0) & (shapes.num_layers % family.full_every == 0)
        return shapes.where(deep & whole)

    def nearest(self, family: Family) -> ArchSpec:
        """The design of a family that comes nearest to the total asked for, relatively.

        Raises:
            InfeasibleError: No depth of the space has a routed layer.
        """
        shapes = self.deep(family, self.every())
        if not len(shapes.d_model):
            raise InfeasibleError(self._no_depth())
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

    def all_members(self) -> dict[Family, Shapes]:
        """Every shape of each family.

        Raises:
            InfeasibleError: No family has any; says what would lift it.
        """
        members = self.members(self.every())
        if not members:
            raise InfeasibleError(self._no_total() if self.constant_total else self._no_depth())
        return members

    def _no_depth(self) -> str:
        """No depth has whole periods of layers that differ, and what would lift it."""
        if self.near:
            return "moe_every, full_every: no depth of the space has whole periods of both; state smaller ones"
        return "moe_every: no depth of the space has a routed layer; state a smaller one"

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

    def every(self) -> Shapes:
        """All shapes: every width with every depth."""
        widths = self.widths
        deepest = max(1, int(widths[-1] / self.min_aspect))
        step = 1 if self.constant_total else self.depth_step
        full = {every for kind in self.attention for every in self.full_every_of(kind)}
        periods = {math.lcm(*pair) for pair in product(self.moe_every, full)}
        depths = depths_of(deepest, step, periods)
        rows = [self._depths(int(width), depths) for width in widths]
        return Shapes(d_model=np.repeat(widths, [len(own) for own in rows]), num_layers=np.concatenate(rows))

    def designs(self, members: Mapping[Family, Shapes]) -> ArchSpec:
        """Make a grid of designs, family by family, all of one build.

        Where layers differ those of a kind stand together; :meth:`stacked` puts those of one design in order.
        """
        return designs_of(members, self.heads, self.vocab_size)

    def stacked(self, family: Family, design: ArchSpec) -> ArchSpec:
        """One design of a grid with its layers in the order in which they are stacked."""
        return layers_in_order(design, family.pattern)

    def _depths(self, width: int, depths: Int[np.ndarray, " all"]) -> Int[np.ndarray, " depths"]:
        """The depths of a width by its aspect ratios; the shallowest where none of the steps is among them."""
        shallow = max(1, int(np.ceil(width / self.max_aspect)))
        own = depths[(depths >= shallow) & (depths <= max(shallow, int(width / self.min_aspect)))]
        return own if len(own) else np.array([shallow])


def _alike(family: Family, like: Family) -> bool:
    """Whether designs of a family may be a model of another: same numbers of experts, whatever their widths."""
    counts = ("num_experts", "top_k", "num_shared_experts")
    return family.mixing == like.mixing and all(getattr(family, name) == getattr(like, name) for name in counts)
