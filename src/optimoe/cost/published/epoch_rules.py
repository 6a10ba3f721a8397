"""Dense equivalent, the rule of thumb: the dense size that costs as much, by regime (Epoch AI, December 2024).

P total parameters, E experts, A active experts, s = E/A. The dense models of comparison grow in depth and in
both matrix dimensions with the cube root of their size. A rule of thumb: it knows nothing of GPUs and layouts, and
:func:`optimoe.cost.published.epoch_range.outside_range` says of which designs it takes no notice. The dense
equivalent by the full cost model is :mod:`optimoe.cost.sizing.dense_equivalent`.
Source: Epoch AI, Gradient Updates, December 2024.
"""

import math
from dataclasses import dataclass
from typing import Any

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, MoE
from optimoe.arch.spec import ArchSpec

MEMORY_WEIGHT, DEPTH_WEIGHT, NETWORK_WEIGHT = 1 / 2, 1 / 4, 1 / 4
"""Of the three components of fast decoding, in the mean of logarithms."""

EXPONENT_EXPERTS, EXPONENT_ACTIVE = 7 / 16, 5 / 8

DENSE_REFERENCE = "llama-3.1-405b"
"""The dense model by whose layers and attention the article sizes those of others."""


@dataclass(frozen=True, kw_only=True)
class DenseEquivalent:
    """Parameters of the dense model that costs as much, by regime; NaN where there is no such size.

    Attributes:
        prefill: Bound by arithmetic: the active parameters.
        slow_decode: Large batches at short contexts, bound by arithmetic too: the active parameters.
        fast_decode: Small batches on many GPUs: reads, depth and network together.
        long_context: Bound by the cache. By the rule of thumb a routed model has no single size: what it saves is
            :func:`cache_saving`, and the grouping of key-value heads decides more than the experts.
    """

    prefill: float
    slow_decode: float
    fast_decode: float
    long_context: float


@dataclass(frozen=True, kw_only=True)
class RuleComponents:
    """What the rule of thumb puts a model's cost together from: the dense size of equal cost, one a component.

    Attributes:
        arithmetic: The active parameters.
        weight_reads: All parameters: a batch reads every expert. A component of fast decoding and no regime.
        depth: P·A/E, the formula's depth.
        depth_of_layers: By its real layers, :func:`depth_params_of`.
        network: P·(A/√E)^(3/2).
        attention: In proportion to its attention parameters.
    """

    arithmetic: float
    weight_reads: float
    depth: float
    depth_of_layers: float
    network: float
    attention: float


@dataclass(frozen=True, kw_only=True)
class RuleOfThumb:
    """Everything that the rule of thumb says of a model.

    Attributes:
        sizes: Dense size of equal cost, by regime.
        own_depth: Fast decoding with the depth of its real layers in place of the formula's; all parameters when
            dense.
        components: Dense size of equal cost, by component.
        volume_ratio: Bytes sent over those of the dense twin of equal size and depth, A/√E.
        cache_saving: Share of the cache saved against a dense model of equal size; 0 when dense.
    """

    sizes: DenseEquivalent
    own_depth: float
    components: RuleComponents
    volume_ratio: float
    cache_saving: float


def dense_equivalent(arch: ArchSpec) -> DenseEquivalent:
    """Dense equivalent of an architecture by the rule of thumb; its own size in every regime when it is dense.

    By the full cost model: :func:`optimoe.cost.sizing.dense_equivalent.full_dense_equivalent`.
    """
    params = count_params(arch)
    experts, active = routing(arch)
    dense = experts == active
    return DenseEquivalent(
        prefill=float(params.active),
        slow_decode=float(params.active),
        fast_decode=float(fast_decode_params(params.total, experts, active)) if not dense else float(params.total),
        long_context=float(params.total) if dense else math.nan,
    )


def rule_of_thumb(arch: ArchSpec) -> RuleOfThumb:
    """What the rule of thumb says of an architecture: regimes, components, network and cache."""
    params = count_params(arch)
    experts, active = routing(arch)
    components = rule_components(arch)
    own_depth = component_mean(params.total, components.depth_of_layers, components.network)
    return RuleOfThumb(
        sizes=dense_equivalent(arch),
        own_depth=float(params.total) if experts == active else own_depth,
        components=components,
        volume_ratio=network_volume_ratio(experts, active),
        cache_saving=cache_saving(experts),
    )


def rule_components(arch: ArchSpec) -> RuleComponents:
    """The five components of the rule of thumb, each as a dense size; depth also by the model's real layers."""
    params, reference = count_params(arch), find_model(DENSE_REFERENCE)
    known = count_params(reference)
    experts, active = routing(arch)
    return RuleComponents(
        arithmetic=float(params.active),
        weight_reads=float(params.total),
        depth=depth_params(params.total, experts, active),
        depth_of_layers=depth_params_of(known.total, arch.num_layers, reference.num_layers),
        network=network_params(params.total, experts, active),
        attention=attention_params_of(known.total, params.attention, known.attention),
    )


def routing(arch: ArchSpec) -> tuple[int, int]:
    """E and A of the first layer that routes, routed experts alone; 1 and 1 when dense."""
    for group in arch.layers:
        if isinstance(group.ffn, MoE):
            return group.ffn.num_experts, group.ffn.top_k
        if isinstance(group.ffn, PEER):
            return group.ffn.num_keys**2, group.ffn.num_heads * group.ffn.top_k
    return 1, 1


def depth_params(P: Any, E: Any, A: Any) -> Any:
    """A routed model is as deep as a dense one of its active size: P_dep = P·A/E."""
    return P * A / E


def depth_params_of(P_ref: Any, layers: Any, layers_ref: Any) -> Any:
    """The dense size with so many layers, by the cube-root rule: P_ref·(layers/layers_ref)³."""
    return P_ref * (layers / layers_ref) ** 3


def attention_params_of(P_ref: Any, attention: Any, attention_ref: Any) -> Any:
    """The dense size with so many attention parameters, in proportion: P_ref·attention/attention_ref.

    Linear in the article (75 % of the attention of a 405B: like a 300B), and not by its cube-root rule.
    """
    return P_ref * attention / attention_ref


def network_volume_ratio(E: Any, A: Any) -> Any:
    """Volume sent over that of the dense twin of equal size and depth, which is √E wider: A/√E.

    A routed model sends less than its twin exactly when A < √E.
    """
    return A / E**0.5


def network_params(P: Any, E: Any, A: Any) -> Any:
    """P_net = P·(A/√E)^(3/2): a dense model's volume grows as P^(2/3)."""
    return P * network_volume_ratio(E, A) ** 1.5


def fast_decode_params(P: Any, E: Any, A: Any) -> Any:
    """P_eq = P_mem^(1/2)·P_dep^(1/4)·P_net^(1/4) = P·A^(5/8)/E^(7/16)."""
    return P * A**EXPONENT_ACTIVE / E**EXPONENT_EXPERTS


def component_mean(P_mem: Any, P_dep: Any, P_net: Any) -> Any:
    """Dense size that decodes as fast, from components that are known better, such as a given depth.

    P_eq = P_mem^(1/2)·P_dep^(1/4)·P_net^(1/4), as :func:`fast_decode_params`.
    """
    return P_mem**MEMORY_WEIGHT * P_dep**DEPTH_WEIGHT * P_net**NETWORK_WEIGHT


def cache_saving(E: Any) -> Any:
    """Share of the cache saved against the dense model of equal size: 1 − E^(−1/3).

    60 % at 16 experts, as the article has it for a fixed grouping of key-value heads; the number of active experts
    does not enter.
    """
    return 1 - E ** (-1 / 3)


def critical_batch(bytes_per_weight: Any, flops_per_s: Any, hbm_bytes_per_s: Any) -> Any:
    """The batch at which arithmetic takes as long as reading the weights: p·FLOP/s / (2·HBM B/s)."""
    return bytes_per_weight * flops_per_s / (2 * hbm_bytes_per_s)
