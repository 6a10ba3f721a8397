"""Matrix products in float32 on a CPU, by whichever of PyTorch's two libraries is faster here.

PyTorch multiplies float32 by MKL, which uses AVX2 alone on processors of another maker than Intel: 110 GFLOP/s
on a core of an AMD EPYC (Zen 5). oneDNN, which is in the same builds, reaches 210 to 250 there by AVX-512. Both
multiply and add in float32.

Legend: N rows, A inner length, B columns.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry, register_flop_formula

from optimoe.models.surroundings import processor_facts

TILE_ROWS = 16
"""Rows of a tile: oneDNN compiles a product for every shape and keeps 1,024, so rows come in whole tiles."""
SMALLEST_WORK = 2**21
"""Multiplications below which a call of oneDNN, and a copy of what it returns, costs more than it saves."""

_onednn = torch.ops.mkldnn._linear_pointwise.default


def row_tile(like: Tensor) -> int:
    """Rows to whole multiples of which those of such tensors should be padded before a product.

    PyTorch itself multiplies bfloat16 on a CPU by oneDNN: every new number of rows would be compiled first, half a
    millisecond each, more than the product of a small expert takes.
    """
    compiled = like.device.type == "cpu" and like.dtype == torch.bfloat16
    return TILE_ROWS if compiled or takes_onednn(like.device, like.dtype) else 1


def product_library(device: torch.device, dtype: torch.dtype) -> str:
    """What multiplies large matrices of a type: ``oneDNN`` where it is taken here, else what ``PyTorch`` takes."""
    return "oneDNN" if takes_onednn(device, dtype) else "PyTorch"


def product(
    left_NA: Tensor, right_AB: Tensor, out_NB: Tensor, bias_B: Tensor | None = None, *, accumulate: bool = False
) -> None:
    """Write left·right + bias, or add left·right to what is there."""
    if takes_onednn(left_NA.device, left_NA.dtype) and left_NA.numel() * right_AB.shape[1] >= SMALLEST_WORK:
        fresh_NB = by_onednn(left_NA, right_AB, bias_B)
        out_NB.add_(fresh_NB) if accumulate else out_NB.copy_(fresh_NB)
    elif bias_B is not None:
        torch.addmm(bias_B, left_NA, right_AB, out=out_NB)
    else:
        # beta 0 writes over what fresh memory holds, NaN too: no buffer needs to be zeroed before.
        torch.addmm(out_NB, left_NA, right_AB, beta=int(accumulate), out=out_NB)


def by_onednn(left_NA: Tensor, right_AB: Tensor, bias_B: Tensor | None = None) -> Tensor:
    """left·right + bias by oneDNN, in fresh memory."""
    out_NB: Tensor = _onednn(left_NA, right_AB.t(), bias_B, "none", [], "")
    return out_NB


def takes_onednn(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether products of a type are oneDNN's where they are large enough."""
    return dtype == torch.float32 and device.type == "cpu" and onednn_is_faster()


@cache
def onednn_is_faster() -> bool:
    """Whether oneDNN multiplies clearly faster than MKL here: a processor with AVX-512 that is not Intel's.

    By what the processor is, never by a clock: a run that goes on in another process must take the same products,
    to the last bit. One whose maker nobody tells is taken for Intel's, which changes nothing.
    """
    both = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return both and wide and "GenuineIntel" not in processor_facts("vendor_id", "GenuineIntel")


def product_flops(left: Sequence[int], right: Sequence[int], *_: Any, **__: Any) -> int:
    """FLOPs of a product by oneDNN, whose right side comes transposed."""
    return 2 * left[0] * left[1] * right[0]


if torch.ops.mkldnn._linear_pointwise not in flop_registry:  # torch 2.13 has none
    register_flop_formula([torch.ops.mkldnn._linear_pointwise])(product_flops)
