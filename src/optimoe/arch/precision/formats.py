"""Number formats of weights and cache, and the bytes that one stored value takes with its share of scales."""

from typing import Literal

from optimoe.core.errors import UnknownNameError, find_name

Precision = Literal["fp32", "bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"]

BITS_PER_VALUE: dict[str, float] = {
    "fp32": 32,
    "bf16": 16,
    "fp8": 8 + 32 / (128 * 128),  # one fp32 scale per 128 × 128 block: DeepSeek-V3, arXiv 2412.19437, Sec. 3.3
    "int8": 8,
    "int4": 4 + 16 / 128,  # one fp16 scale per group of 128: GPTQ, arXiv 2210.17323, Sec. 5
    "mxfp4": 4 + 8 / 32,  # one 8-bit scale per block of 32: OCP Microscaling Formats v1.0, Sec. 5.2
    "nvfp4": 4 + 8 / 16,  # one fp8 scale per block of 16: NVIDIA, arXiv 2509.25149, Sec. 2
}

ALIASES = {"bfloat16": "bf16", "float32": "fp32"}
"""Formats by PyTorch's names."""

PLAIN_FORMAT = "bf16"
"""The format of what nobody quantised, and of what nothing else is said."""


def bytes_per_value(precision: str) -> float:
    """Bytes of one stored value, its share of the block's scale included.

    Raises:
        UnknownNameError: No such precision.
    """
    if precision not in BITS_PER_VALUE:
        raise UnknownNameError("precision", precision, BITS_PER_VALUE)
    return BITS_PER_VALUE[precision] / 8


def find_format(field: str, word: str, *others: str) -> str:
    """The format that a word as people write it stands for: ``FP8``, ``bfloat16``.

    Args:
        field: What it is, for the error line.
        word: The word.
        others: Words that may stand in its place, such as ``auto``.

    Raises:
        UnknownNameError: No such format; lists the nearest.
    """
    return find_name(field, word, (*others, *BITS_PER_VALUE), ALIASES)
