"""What routed designs differ in beside their sizes: read off a design, and in words."""

from dataclasses import dataclass, fields

import numpy as np

from optimoe.arch.count import granularity
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values

Span = tuple[float, ...]
"""Least and most of the runs; empty where nobody stated them."""

TRAITS = ("num_experts", "top_k", "granularity", "num_shared_experts", "routed_share")
"""What routed designs differ in beside their sizes."""

RATIOS = ("expert_ratio", "ffn_ratio")
"""What follows from these, where the runs of a law had one of them only."""

NEAR = 1e-6
"""Relative distance within which a value is at the end of a span, not outside: rounding of ratios."""

LABELS = {
    "num_experts": "E =",
    "top_k": "top-k =",
    "granularity": "granularity",
    "num_shared_experts": "shared experts =",
    "routed_share": "share of routed layers",
}
"""How a value is introduced."""

NAMES = {
    "num_experts": "experts",
    "top_k": "top-k",
    "granularity": "granularity",
    "num_shared_experts": "shared experts",
    "routed_share": "share of routed layers",
    "expert_ratio": "an expansion E/k of",
    "ffn_ratio": "a width k·d_expert/d of",
}
"""How a trait is called."""

SPOKEN = NAMES | {"expansion": "N_total/N_act", "tokens_per_param": "tokens per parameter"}
"""How everything that a domain bounds is called; other symbols are words already."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What laws may not see of a design. Numbers, or arrays over a grid of designs.

    Attributes:
        routed: Whether it has more than one routed expert; every trait below is of routed designs.
        num_experts: Routed experts per layer, E.
        top_k: Routed experts per token, k.
        expert_ratio: E/k.
        granularity: 4·d_model/d_expert.
        ffn_ratio: Width of the routed experts of a token over that of the model, k·d_expert/d_model.
        num_shared_experts: Experts that every token uses.
        routed_share: Layers with routed experts over all layers.
        one_layer: One layer as a share of all: to so much a share of layers can be met.
        expansion: N_total/N_act, both embeddings in both.
        params_active: N_act, both embeddings included.
    """

    routed: Flags
    num_experts: Values
    top_k: Values
    expert_ratio: Values
    granularity: Values
    ffn_ratio: Values
    num_shared_experts: Values
    routed_share: Values
    one_layer: Values
    expansion: Values
    params_active: Values


def decades_outside(value: Values, low: float, high: float) -> Values:
    """How far a number lies outside a range: |log10| of the overshoot; 0 inside. A range may begin at zero."""
    place = np.log10(np.asarray(value, dtype=float))
    lowest = np.log10(low) if low > 0 else -np.inf
    highest = np.log10(high) if high > 0 else np.inf
    return np.maximum(0.0, np.maximum(place - highest, lowest - place))[()]


def traits_of(arch: ArchSpec) -> Traits:
    """What laws may not see of a design, or of each of a grid; a dense design has one expert."""
    moe, params = arch.moe, count_params(arch)
    layers = np.asarray(arch.num_layers)
    where = [group.num_layers for group in arch.layers if isinstance(group.ffn, MoE)]
    columns = np.broadcast_arrays(
        np.asarray(moe.num_experts if moe else 1) > 1,
        moe.num_experts if moe else 1,
        moe.top_k if moe else 1,
        np.divide(moe.num_experts, moe.top_k) if moe else 1.0,
        granularity(arch)["krajewski"] if moe else 1.0,
        np.multiply(moe.top_k, moe.d_expert) / arch.d_model if moe else 0.0,
        moe.num_shared_experts if moe else 0,
        sum(where, np.zeros_like(layers)) / layers,
        1 / layers,
        np.divide(params.total, params.active),
        params.active,
    )
    names = [field.name for field in fields(Traits)]
    return Traits(**{name: column[()] for name, column in zip(names, columns, strict=True)})


def trait_words(trait: str, values: np.ndarray, outside: Flags, span: Span) -> str:
    """What designs have that the runs had not: ``top-8 routing (fitted on top-1)``."""
    low, high = span
    found = few(np.broadcast_to(values, np.shape(outside))[outside])
    fitted = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    if trait == "top_k":
        return f"top-{found} routing (fitted on top-{fitted})"
    if trait == "num_experts":
        return f"{found} experts (fitted on {fitted})"
    if trait == "num_shared_experts":
        return f"{found} shared experts (fitted {'without' if high == 0 else f'with {fitted}'})"
    if trait == "routed_share":
        return f"routed experts in {found} of the layers (fitted in {fitted})"
    return f"{NAMES[trait]} {found} (fitted on {fitted})"


def few(values: np.ndarray) -> str:
    """Some numbers in words: up to three, or the least and the most."""
    texts = list(dict.fromkeys(f"{value:.3g}" for value in np.unique(np.asarray(values, dtype=float))))
    return ", ".join(texts) if len(texts) <= 3 else f"{texts[0]} to {texts[-1]}"
