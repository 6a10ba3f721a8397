"""Bytes at rest: weights by precision, the growing cache, and the fixed state of recurrent mixers."""

from typing import Literal

from optimoe.arch.params import ParamCount
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import UnknownNameError

Precision = Literal["fp32", "bf16", "fp8", "int8", "int4", "mxfp4"]

BITS_PER_VALUE: dict[str, float] = {
    "fp32": 32,
    "bf16": 16,
    "fp8": 8 + 32 / (128 * 128),  # one fp32 scale per 128 × 128 block: DeepSeek-V3, arXiv 2412.19437, Sec. 3.3
    "int8": 8,
    "int4": 4 + 16 / 128,  # one fp16 scale per group of 128: GPTQ, arXiv 2210.17323, Sec. 5
    "mxfp4": 4 + 8 / 32,  # one 8-bit scale per block of 32: OCP Microscaling Formats v1.0, Sec. 5.2
}
STATE_BYTES = 4
"""Recurrent states are kept in fp32 (Mamba's and the gated delta rule's own code)."""


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
    """Cache bytes that one more token adds while no window is full; 0 from recurrent mixers."""
    values = sum(group.num_layers * group.mixer.cache_values for group in arch.layers)
    return values * bytes_per_value(precision)


def state_bytes(arch: ArchSpec) -> float:
    """Bytes of one sequence's recurrent states and convolution tails, whatever its length."""
    return STATE_BYTES * sum(group.num_layers * group.mixer.state_values for group in arch.layers)


def kv_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes of one sequence of ``tokens``: the cache, a window holding no more than its width, and the states."""
    values = sum(group.num_layers * group.mixer.held_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)


def kv_read_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes that decoding one token reads of a sequence of ``tokens``: its cache and states.

    An indexer reads every index key, and the latents of its selection only.
    """
    values = sum(group.num_layers * group.mixer.read_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)
