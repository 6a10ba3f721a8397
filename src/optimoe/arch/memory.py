"""Bytes at rest: weights by precision and the key-value cache."""

from typing import Literal

from optimoe.arch.flops import minimum
from optimoe.arch.params import ParamCount
from optimoe.arch.spec import ArchSpec, Attention
from optimoe.core.errors import UnknownNameError

Precision = Literal["fp32", "bf16", "fp8", "int8", "int4", "mxfp4"]

BITS_PER_VALUE: dict[str, float] = {
    "fp32": 32,
    "bf16": 16,
    "fp8": 8
    + 32 / (128 * 128),  # one fp32 scale per 128 × 128 block: DeepSeek-V3, arXiv 2412.19437, Sec. 3.3
    "int8": 8,
    "int4": 4 + 16 / 128,  # one fp16 scale per group of 128: GPTQ, arXiv 2210.17323, Sec. 5
    "mxfp4": 4 + 8 / 32,  # one 8-bit scale per block of 32: OCP Microscaling Formats v1.0, Sec. 5.2
}


def bytes_per_value(precision: str) -> float:
    """Bytes of one stored value, its share of the block's scale included.

    Raises:
        UnknownNameError: No such precision.
    """
    if precision not in BITS_PER_VALUE:
        raise UnknownNameError("precision", precision, BITS_PER_VALUE)
    return BITS_PER_VALUE[precision] / 8


def weight_bytes(params: ParamCount, precision: str = "bf16") -> float:
    """Bytes of all weights in one precision (makers often keep norms, router and embeddings in bf16)."""
    return params.total * bytes_per_value(precision)


def kv_bytes_per_token(arch: ArchSpec, precision: str = "bf16") -> float:
    """Cache bytes that one more token adds while no window is full: Σ layers · 2·h_kv·d_h · bytes."""
    return sum(group.num_layers * kv_values(group.attention) for group in arch.layers) * bytes_per_value(
        precision
    )


def kv_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Cache bytes of one sequence of ``tokens``; a sliding window holds no more than its width."""
    values = sum(
        group.num_layers * kv_values(group.attention) * minimum(tokens, group.attention.window_tokens)
        for group in arch.layers
    )
    return values * bytes_per_value(precision)


def kv_values(attention: Attention) -> int:
    """Cached values of one token in one layer: 2·h_kv·d_h."""
    return 2 * attention.num_kv_heads * attention.head_dim
