"""The designs that a law can tell apart: what nobody stated is stated for a law that does not see it."""

import math
from collections.abc import Hashable, Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import take
from optimoe.laws.domain.traits import Span
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.space import Space

SAMPLE = 5
"""Shapes of each family that a law is asked about, from the smallest to the largest: what it sees of a design and
what its runs had does not depend on size, but for the tiles of narrow experts."""

SHARES = 1e-6
"""Relative distance at which a share of layers is one over a whole number: rounding of the share."""


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One axis of a space, as it is stated for a law.

    Attributes:
        fields: Fields of the space with their new values.
        words: What it is now.
        option: The option that states another.
        of_runs: Whether the law's runs had it; otherwise it is assumed.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    words: str = ""
    option: str = ""
    of_runs: bool = False


def told_apart(space: Space, law: LossLaw, free: Set[str]) -> tuple[Space, str]:
    """The designs of a space that a law can tell apart, and in one line what was stated for that.

    A law of few variables gives one loss to designs that differ in what it does not see; it may rank them only
    where they are alike in that. Axes of a space that nobody stated then take what the law's runs had, and where
    nobody says what these had the plainest: the least top-k and shared experts, every layer routed, the middle
    width. A space that the law tells apart stays as it is; where stated axes are what it cannot, the plan is
    refused with those.

    Args:
        space: The designs.
        law: The law that is to rank them.
        free: Fields of the space that nobody stated; ``ffn_ratio`` stands for all three that set widths.
    """
    if not free or _ranks(space, law):
        return space, ""
    axes = [axis for axis in _axes(space, law, free) if axis.words]
    narrow = replace(space, **{name: value for axis in axes for name, value in axis.fields.items()})
    if not axes:
        return space, ""
    said = ", ".join(f"{axis.words} ({'of its runs' if axis.of_runs else 'assumed'})" for axis in axes)
    options = ", ".join(dict.fromkeys(axis.option for axis in axes))
    why = "cannot tell designs apart by these, which are stated for it"
    return narrow, f"{law.row.name} {why}: {said}; or {options}"


def _ranks(space: Space, law: LossLaw) -> bool:
    """Whether a law tells apart what it may rank of a space, and may rank a routed design if its runs routed."""
    if "params_total" in law.by and "params_active" in law.by:
        return True
    grids = list(_sample(space))
    ranked = [np.flatnonzero(np.broadcast_to(law.judge(grid).applicable, len(grid.d_model))) for grid in grids]  # type: ignore[arg-type]
    kept = [take(grid, own) for grid, own in zip(grids, ranked, strict=True) if len(own)]
    routes = any(grid.moe is not None for grid in grids) and law.ranks.models in ("both", "routed")
    return not law.blind_to(kept) and (not routes or any(grid.moe is not None for grid in kept))


def _sample(space: Space) -> Iterator[ArchSpec]:
    """Some designs of every family, one grid for each kind of layers: no law sees the kind of attention."""
    asked = replace(space, attention=space.attention[:1], params_total=math.inf)
    every = asked.every()
    few = np.unique(np.linspace(0, len(every.d_model) - 1, SAMPLE).astype(int))
    kinds: dict[Hashable, dict[Family, Shapes]] = {}
    for family, shapes in asked.members(every.where(few)).items():
        kinds.setdefault(family.build, {})[family] = shapes
    for members in kinds.values():
        yield asked.designs(members)


def _axes(space: Space, law: LossLaw, free: Set[str]) -> Iterator[_Axis]:
    """What is stated for each trait that the law does not see, of the axes that are free."""
    domain, unseen = law.ranks, law.unseen
    if "num_experts" in unseen and "num_experts" in free:
        yield _experts(domain.num_experts)
    if "top_k" in unseen and "top_k" in free:
        k = _within(space.top_k, domain.top_k)
        yield _one("top_k", k, f"top-{k}", "--top-k", domain.top_k)
    if "num_shared_experts" in unseen and "num_shared_experts" in free:
        span = domain.num_shared_experts
        shared = _within(space.num_shared_experts, span)
        yield _one("num_shared_experts", shared, f"{shared or 'no'} shared experts", "--shared", span)
    if "granularity" in unseen and "ffn_ratio" in free:
        yield _width(space, domain.granularity)
    if "routed_share" in unseen and {"moe_every", "first_dense_layers"} <= free:
        yield _pattern(domain.routed_share)


def _within(values: tuple[int, ...], span: Span) -> int:
    """The least of some values that the runs had; the least that they had where they had none of these."""
    if not span:
        return min(values)
    return min([value for value in values if span[0] <= value <= span[1]], default=math.ceil(span[0]))


def _one(name: str, value: int, words: str, option: str, span: Span) -> _Axis:
    return _Axis(fields={name: (value,)}, words=words, option=option, of_runs=bool(span))


def _experts(span: Span) -> _Axis:
    """E, where all runs had one: it is the question itself, and is assumed for nobody."""
    if not span or span[0] != span[1]:
        return _Axis()
    return _one("num_experts", int(span[0]), f"E = {span[0]:g}", "--experts", span)


def _width(space: Space, span: Span) -> _Axis:
    """The width of experts: by the middle of the runs' granularities, 4·d_model/d_expert, or of the axis."""
    if span:
        ratio = 4 / math.sqrt(span[0] * span[1])
        words = f"experts {ratio:.3g}·d wide"
        return _Axis(fields={"ffn_ratio": (ratio,)}, words=words, option="--ffn-ratio", of_runs=True)
    middle = sorted(space.active_ffn_ratio)[len(space.active_ffn_ratio) // 2]
    words = f"experts of a token {middle:g}·d wide together"
    return _Axis(fields={"active_ffn_ratio": (middle,)}, words=words, option="--active-ffn-ratio")


def _pattern(span: Span) -> _Axis:
    """Which layers route: every n-th where all runs had that share, or all of them."""
    share = span[0] if span else 1.0
    every = max(1, round(1 / share)) if share else 1
    if span and (span[0] != span[1] or abs(every * share - 1) > SHARES):
        return _Axis()
    words = "experts in every layer" if every == 1 else f"experts in one layer of {every}"
    fields = {"moe_every": (every,), "first_dense_layers": (0,)}
    return _Axis(fields=fields, words=words, option="--moe-every", of_runs=bool(span))
