"""Dense equivalent, the rule of thumb: the dense size that costs as much, by regime (Epoch AI, December 2024).

P total parameters, E experts, A active experts, s = E/A. The dense models of comparison grow in depth and in
both matrix dimensions with the cube root of their size. A rule of thumb: it knows nothing of attention,
embeddings and shared experts. The dense equivalent by the full cost model, which knows them, the GPUs and the
layouts, is :mod:`optimoe.cost.sizing.dense_equivalent`. Source: Epoch AI, Gradient Updates, December 2024.
"""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, MoE
from optimoe.arch.spec import ArchSpec

MEMORY_WEIGHT, DEPTH_WEIGHT, NETWORK_WEIGHT = 1 / 2, 1 / 4, 1 / 4
"""Of the three components of fast decoding, in the mean of logarithms."""

EXPONENT_EXPERTS, EXPONENT_ACTIVE = 7 / 16, 5 / 8


@dataclass(frozen=True, kw_only=True)
class DenseEquivalent:
    """Parameters of the dense model that costs as much, by regime.

    Attributes:
        prefill: Arithmetic-bound, also decoding in very large batches: the active parameters.
        slow_decode: Bound by weight reads of a batch: all parameters.
        fast_decode: Small batches on many GPUs: reads, depth and network together.
        long_context: Bound by the cache: the size whose cache, by the cube-root rule, is as large.
    """

    prefill: float
    slow_decode: float
    fast_decode: float
    long_context: float


def dense_equivalent(arch: ArchSpec) -> DenseEquivalent:
    """Dense equivalent of an architecture by the rule of thumb; its own size in every regime when it is dense.

    By the full cost model: :func:`optimoe.cost.sizing.dense_equivalent.full_dense_equivalent`.
    """
    params = count_params(arch)
    experts, active = _routing(arch)
    if experts == active:
        total = float(params.total)
        return DenseEquivalent(prefill=total, slow_decode=total, fast_decode=total, long_context=total)
    return DenseEquivalent(
        prefill=float(params.active),
        slow_decode=float(params.total),
        fast_decode=fast_decode_params(params.total, experts, active),
        long_context=params.total * (1 - cache_saving(experts / active)) ** 3,
    )


def _routing(arch: ArchSpec) -> tuple[int, int]:
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

    The article's E is experts per active one: with several active, put in s = E/A.
    """
    return 1 - E ** (-1 / 3)


def critical_batch(bytes_per_weight: Any, flops_per_s: Any, hbm_bytes_per_s: Any) -> Any:
    """The batch at which arithmetic takes as long as reading the weights: p·FLOP/s / (2·HBM B/s)."""
    return bytes_per_weight * flops_per_s / (2 * hbm_bytes_per_s)
