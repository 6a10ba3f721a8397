"""Which designs a law may rank: what its runs were, what its variables see, and how others may be read.

A trait of a design (its k, its granularity…) that the law's variables see may lie outside what the runs had: that
is a stretch, and widens the band. One that they do not see may not: the law cannot tell such designs apart, and
has no number for them, unless a published definition says how they are read (``mapping``). What is not stated is
unknown, never inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimoe.arch.parts import PEER
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import require
from optimoe.laws.domain.recent import Recent
from optimoe.laws.domain.traits import (
    LABELS,
    NAMES,
    NEAR,
    RATIOS,
    SPOKEN,
    TRAITS,
    Span,
    Traits,
    decades_outside,
    few,
    trait_words,
    traits_of,
)

Models = Literal["unknown", "dense", "routed", "both"]
Seen = Literal[
    "params_total", "params_active", "params_dense", "num_experts", "top_k", "expert_ratio", "granularity",
    "num_shared_experts",
]  # fmt: skip
Reading = Literal["none", "expansion", "activation_ratio"]

READING_WORDS: dict[Reading, str] = {
    "none": "",
    "expansion": "that of the paper's top-1 shape of equal active and total size",
    "activation_ratio": "with the shared experts among the active and the stored ones",
}

ALIASES = {"num_experts": "E", "granularity": "G", "tokens_per_param": "D_over_N"}
"""Symbols by which the range of a law may state the same."""

COVERED: dict[Reading, tuple[str, ...]] = {
    "none": (),
    "expansion": ("top_k", "expert_ratio", "granularity", "ffn_ratio", "num_shared_experts", "routed_share"),
    "activation_ratio": ("num_shared_experts",),
}
"""Traits that a mapping puts into other variables of the law."""

ALIKE = 1.1
"""Granularities nearer than this are one: widths come in steps of 64."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a law is to designs. Flags are truth values, or arrays over a grid of designs.

    Attributes:
        applicable: Whether the law may rank them at all.
        assumed: Whether only by its mapping, with a wider band.
        reasons: Why not, of those that it may not rank.
        assumptions: What its runs never had, of those that are read by the mapping.
        stretched: What its runs never had and its variables see through the sizes.
        unknown: Names of what nobody stated about its runs.
    """

    applicable: Flags
    assumed: Flags
    reasons: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    stretched: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def answer(self) -> Literal["applicable", "by assumption", "not applicable"]:
        """The one word for a single design; for a grid that of its best."""
        if not np.any(self.applicable):
            return "not applicable"
        return "applicable" if np.any(np.asarray(self.applicable) & ~np.asarray(self.assumed)) else "by assumption"

    @property
    def reason(self) -> str:
        """Why it may not rank designs, in one line."""
        return "; ".join(self.reasons)

    @property
    def concerns(self) -> tuple[str, ...]:
        """What no run behind the law had."""
        return self.reasons + self.assumptions + self.stretched


_JUDGED = Recent[Standing]()


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What designs a law was made from. A span is ``[least, most]`` of its runs, left out where nobody stated it.

    Attributes:
        models: Dense models, routed ones, or both.
        num_experts: Routed experts per layer of the runs that routed.
        top_k: Routed experts per token.
        expert_ratio: E/k, where the runs had one ratio.
        granularity: 4·d_model/d_expert.
        ffn_ratio: k·d_expert/d_model, where the runs had one width of what a token uses.
        num_shared_experts: Experts that every token uses.
        routed_share: Layers with routed experts over all layers.
        expansion: N_total/N_act.
        tokens_per_param: D/N_act.
        by: What its variables see of a design; left out, what its family's see.
        mapping: How a routed design that no run was like is read: ``expansion`` as the paper's shape of equal
            active and total size, ``activation_ratio`` with its shared experts counted as active and as stored.
        mapping_source: Where that is defined.
        source: Paper and place of the spans.

    Raises:
        ConfigError: A span is not two ordered numbers, or a mapping has no source.
    """

    models: Models = "unknown"
    num_experts: Span = ()
    top_k: Span = ()
    expert_ratio: Span = ()
    granularity: Span = ()
    ffn_ratio: Span = ()
    num_shared_experts: Span = ()
    routed_share: Span = ()
    expansion: Span = ()
    tokens_per_param: Span = ()
    by: tuple[Seen, ...] = ()
    mapping: Reading = "none"
    mapping_source: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for name in (*TRAITS, *RATIOS, "expansion", "tokens_per_param"):
            span = getattr(self, name)
            ordered = not span or (len(span) == 2 and 0 <= span[0] <= span[1] < np.inf)
            require(ordered, f"domain: {name}", "two numbers, the least first, or left out", span)
        require(self.mapping == "none" or self.mapping_source, "domain: mapping_source", "given", "none")

    @property
    def known(self) -> bool:
        """Whether anything was stated about the runs."""
        return self.models != "unknown"

    @property
    def words(self) -> str:
        """The models and spans of the runs in a line, and how other designs are read."""
        if not self.known:
            return "which designs its runs were is not stated"
        kinds = {"both": "dense and routed models"}.get(self.models, f"{self.models} models")
        spans = [
            f"{name} {few(np.asarray(span)).replace(', ', ' to ')}"
            for trait, name in SPOKEN.items()
            if (span := getattr(self, trait))
        ]
        reading = f"; others by the {self.mapping.replace('_', ' ')}" if self.mapping != "none" else ""
        return ", ".join([kinds, *spans]) + reading + (f" ({self.source})" if self.source else "")

    def judge(self, arch: ArchSpec, by: Sequence[str]) -> Standing:
        """What the law is to a design, or to each of a grid.

        Args:
            arch: The design, or a grid of them.
            by: What the law's variables see.
        """
        return _JUDGED.found((self, by), arch, lambda: self._judged(arch, by))

    def _judged(self, arch: ArchSpec, by: Sequence[str]) -> Standing:
        traits = traits_of(arch)
        applicable, reasons = self._of_its_models(arch, traits.routed)
        assumed = np.zeros_like(applicable)
        said: dict[str, list[str]] = {"assumptions": [], "stretched": [], "unknown": []}
        for trait in (*TRAITS, *RATIOS) if np.any(traits.routed & applicable) else ():
            outside = traits.routed & applicable & self._outside(trait, traits)
            if not np.any(outside):
                continue
            words = trait_words(trait, np.asarray(getattr(traits, trait)), outside, getattr(self, trait))
            if trait in by:
                continue  # counted by decades
            if _sees(trait, by):
                said["stretched"].append(words)
            elif trait in COVERED[self.mapping]:
                assumed = assumed | outside
                said["assumptions"].append(words)
            else:
                applicable = applicable & ~outside
                reasons.append(words)
        judged = traits.routed & applicable
        mixed = bool(np.any(judged & (traits.routed_share < 1 - NEAR)))
        said["unknown"] += self._not_stated(by, bool(np.any(judged)), mixed)
        return Standing(
            applicable=applicable[()],
            assumed=(assumed & applicable)[()],
            reasons=tuple(reasons),
            **{name: tuple(words) for name, words in said.items()},
        )

    def unseen(self, by: Sequence[str]) -> tuple[str, ...]:
        """Traits that set the total size of designs and that the law neither sees nor reads into what it sees."""
        if "params_total" in by:
            return ()
        return tuple(trait for trait in TRAITS if not _sees(trait, by) and trait not in COVERED[self.mapping])

    def blind_to(self, designs: Sequence[ArchSpec], by: Sequence[str]) -> str:
        """What sets the total size of designs, differs between them and is not seen by the law; empty if nothing.

        Two designs of equal active and different total size would get one loss: a law of active parameters alone
        may rank designs of one expansion at a time.
        """
        if "params_total" in by:
            return ""
        traits = [traits_of(arch) for arch in designs]
        routed = [one for one in traits if np.any(one.routed)]
        if not _sees("num_experts", by) and 0 < len(routed) < len(traits):
            return "dense and routed models"
        for trait in self.unseen(by) if routed else ():
            values = np.concatenate([np.ravel(getattr(one, trait)) for one in routed])
            alike = ALIKE if trait == "granularity" else 1.0
            if values.max() > values.min() * alike * (1 + NEAR):
                return f"{LABELS[trait]} {few(values)}"
        return ""

    def decades(self, arch: ArchSpec, tokens: Values, by: Sequence[str]) -> dict[str, Values]:
        """How far outside the spans a design lies, in what the law sees and D/N_act: |log10| by name; 0 inside."""
        traits = traits_of(arch)
        placed: dict[str, Values] = {"tokens_per_param": np.divide(tokens, traits.params_active)}
        if "params_total" in by and "params_active" in by:
            placed["expansion"] = traits.expansion
        placed |= {trait: getattr(traits, trait) for trait in (*TRAITS, *RATIOS) if trait in by}
        outside = {}
        for name, values in placed.items():
            span = getattr(self, name)
            if span:
                counted = True if name == "tokens_per_param" else traits.routed
                outside[name] = np.where(counted, decades_outside(values, *span), 0.0)[()]
        return outside

    def models_of(self, arch: ArchSpec) -> Flags:
        """Whether a design, or each of a grid, is of the models of the runs: dense, routed, or either."""
        return self._of_its_models(arch, traits_of(arch).routed)[0]

    def _of_its_models(self, arch: ArchSpec, routed: Flags) -> tuple[Flags, list[str]]:
        """Dense models, routed ones, or both."""
        routed = np.asarray(routed)
        if self.known and any(isinstance(group.ffn, PEER) for group in arch.layers):
            return np.zeros_like(routed), ["product-key experts (fitted without)"]
        if self.known and any(group.reused for group in arch.layers):
            return np.zeros_like(routed), ["layers that share weights (fitted without)"]
        if self.models == "dense":
            return ~routed, ["routed experts (a dense law)"] if np.any(routed) else []
        if self.models == "routed":
            return routed, [] if np.all(routed) else ["no experts (a law of MoEs)"]
        return np.ones_like(routed), []

    def _outside(self, trait: str, traits: Traits) -> Flags:
        span = getattr(self, trait)
        values = np.asarray(getattr(traits, trait), dtype=float)
        if not span:
            return np.zeros(np.shape(values), dtype=bool)
        slack = NEAR * np.abs(values) + (traits.one_layer if trait == "routed_share" and span[1] < 1 else 0.0)
        return (values < span[0] - slack) | (values > span[1] + slack)

    def _not_stated(self, by: Sequence[str], routed: bool, mixed: bool) -> list[str]:
        """What nobody stated of the runs, by name.

        Args:
            by: What the law's variables see.
            routed: Whether a design routes.
            mixed: Whether one of these has layers that do not.
        """
        if not self.known:
            return ["which designs they were"]
        implied = ("num_experts", "top_k") if self.expert_ratio else ()
        unknown = [
            NAMES[trait]
            for trait in TRAITS
            if not getattr(self, trait)
            and trait not in implied
            # both sizes tell such designs apart, but say nothing of the trait's own effect
            and not (
                trait in by if trait == "granularity" or (trait == "routed_share" and mixed) else _sees(trait, by)
            )
        ]
        return (unknown if routed else []) + ([] if self.tokens_per_param else ["tokens per parameter"])


def _sees(trait: str, by: Sequence[str]) -> bool:
    """Whether a law's variables tell designs apart that differ in a trait: by its name, or through both sizes."""
    if "params_total" in by and "params_active" in by:
        return True
    return trait in by or (trait == "num_experts" and "expert_ratio" in by)
