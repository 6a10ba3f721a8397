"""The front door of this package: everything that can be counted of one model."""

from dataclasses import dataclass
from typing import Literal

from optimoe.arch.flops import (
    FlopCount,
    decode_flops,
    expert_attention_ratio,
    prefill_flops,
    train_flops_per_token,
)
from optimoe.arch.memory import (
    WeightBytes,
    kv_bytes_per_token,
    main_format,
    state_bytes,
    weight_bytes,
    weight_formats,
)
from optimoe.arch.params import ParamCount, count_mtp_params, count_params
from optimoe.arch.precision.formats import find_format
from optimoe.arch.quantize import AUTO, with_precision
from optimoe.arch.spec import ArchSpec
from optimoe.arch.traffic import all_reduce_bytes_per_token, tensor_parallel_collectives
from optimoe.core.results.shown import Drawn
from optimoe.core.units import format_bytes, format_count

Convention = Literal["krajewski", "ling"]
GRANULARITY_FACTOR: dict[Convention, int] = {"krajewski": 4, "ling": 2}
"""Granularity is 4·d/d_expert (Krajewski 2024, plain feed-forward of 4·d) or 2·d/d_expert (Ling)."""


@dataclass(frozen=True, kw_only=True)
class ArchCount(Drawn):
    """Parameters by part, FLOPs, cache and traffic of one model.

    Attributes:
        params: Parameters by part.
        context_tokens: The sequence length, and the position, at which FLOPs are counted.
        prefill: FLOPs per token of a causal pass over the context.
        decode: FLOPs of the token at that position.
        train_flops_per_token: Three forward passes over sequences of that length.
        precision: Format of most of the weights.
        weight_bytes: All weights, each part in its own format.
        weight_parts: The same by part, scales included.
        weight_formats: Formats of each part, that of most of its values first.
        precision_source: Where the formats are from; empty where nothing states them (bf16).
        warning: What a reader must know of that source; empty otherwise.
        kv_bytes_per_token: Cache bytes that one token adds, in ``kv_precision``.
        state_bytes: Fixed bytes per sequence of recurrent mixers.
        params_mtp: Parameters of multi-token-prediction layers, not in ``params``.
        all_reduce_bytes_per_token: Payload of one tensor-parallel all-reduce, per token.
        tensor_parallel_collectives: All-reduces that follow each other in one pass.
        expert_attention_flops_ratio: r = C_E / C_A at that context (Li et al. 2026).
        sparsity: (E − k)/E of the routed experts; 0 when dense.
        active_share: (k + shared)/(E + shared), shared experts in both; 1 when dense.
        granularity: By convention: ``krajewski`` 4·d/d_expert, ``ling`` 2·d/d_expert; empty when dense.
    """

    params: ParamCount
    context_tokens: float
    prefill: FlopCount
    decode: FlopCount
    train_flops_per_token: float
    precision: str
    weight_bytes: float
    weight_parts: WeightBytes
    weight_formats: dict[str, tuple[str, ...]]
    precision_source: str
    warning: str
    kv_precision: str
    kv_bytes_per_token: float
    state_bytes: float
    params_mtp: int
    all_reduce_bytes_per_token: float
    tensor_parallel_collectives: int
    expert_attention_flops_ratio: float
    sparsity: float
    active_share: float
    granularity: dict[str, float]

    def __repr__(self) -> str:
        """Parameters, FLOPs and bytes in one line; of a grid its shape."""
        if shape := getattr(self.params.total, "shape", ()):
            return f"ArchCount(a grid of shape {shape})"
        flops = f"{format_count(self.decode.total)} FLOPs/token decoded"
        return (
            f"ArchCount({format_count(self.params.active)} active of {format_count(self.params.total)}, {flops}, "
            f"{format_bytes(self.weight_bytes)} weights, {format_bytes(self.kv_bytes_per_token)} cache/token)"
        )


def count(
    arch: ArchSpec, context_tokens: float = 4096, precision: str = AUTO, kv_precision: str = AUTO
) -> ArchCount:
    """Count a model (or a grid of models, by the same formulas).

    Args:
        arch: The model.
        context_tokens: Length and position at which FLOPs are counted.
        precision: Of the weights, as deployments quantise under that word (:func:`with_precision`); ``auto`` is
            each part's own, as the checkpoint states it.
        kv_precision: Of the cache; ``auto`` is what the checkpoint asks for, else bf16.

    Raises:
        ConfigError: The context is not positive.
        UnknownNameError: No such precision.
    """
    params, stored = count_params(arch), with_precision(arch, precision)
    kv_precision = find_format("kv_precision", kv_precision, AUTO)
    kv_precision = (arch.precisions.kv_cache or "bf16") if kv_precision == AUTO else kv_precision
    weights = weight_bytes(stored)
    return ArchCount(
        params=params,
        context_tokens=context_tokens,
        prefill=prefill_flops(arch, context_tokens),
        decode=decode_flops(arch, context_tokens),
        train_flops_per_token=train_flops_per_token(arch, context_tokens),
        precision=main_format(stored),
        weight_bytes=weights.total,
        weight_parts=weights,
        weight_formats=weight_formats(stored),
        precision_source=stored.precisions.source,
        warning=stored.precisions.warning,
        kv_precision=kv_precision,
        kv_bytes_per_token=kv_bytes_per_token(arch, kv_precision),
        state_bytes=state_bytes(arch),
        params_mtp=count_mtp_params(arch),
        all_reduce_bytes_per_token=all_reduce_bytes_per_token(arch),
        tensor_parallel_collectives=tensor_parallel_collectives(arch),
        expert_attention_flops_ratio=expert_attention_ratio(arch, context_tokens),
        sparsity=sparsity(arch),
        active_share=active_share(arch),
        granularity=granularity(arch),
    )


def sparsity(arch: ArchSpec) -> float:
    """S = (E − k)/E of routed experts (Abnar 2025); 0 when dense. Li's S is 1 − :func:`active_share`."""
    moe = arch.moe
    return (moe.num_experts - moe.top_k) / moe.num_experts if moe else 0.0


def active_share(arch: ArchSpec) -> float:
    """Share of a layer's experts that a token uses, :func:`share_of_experts`; 1 when dense."""
    moe = arch.moe
    return share_of_experts(moe.num_experts, moe.top_k, moe.num_shared_experts) if moe else 1.0


def share_of_experts(num_experts: float, top_k: float, num_shared_experts: float) -> float:
    """(k + shared)/(E + shared), E and k of routed experts: 1 − S of Li 2026, A of Tian 2025.

    Li's E and E_active (arXiv 2603.10379, Sec. 2) and Tian's (arXiv 2507.17702) count shared experts.
    """
    return (top_k + num_shared_experts) / (num_experts + num_shared_experts)


def granularity(arch: ArchSpec) -> dict[str, float]:
    """Granularity in both conventions: Krajewski 2024 4·d/d_expert, Ling (Tian 2025) 2·d/d_expert."""
    moe = arch.moe
    if moe is None:
        return {}
    return {name: factor * arch.d_model / moe.d_expert for name, factor in GRANULARITY_FACTOR.items()}
