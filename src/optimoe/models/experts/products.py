"""Matrix products in float32 on a CPU, by whichever of PyTorch's two libraries is faster here.

PyTorch multiplies float32 by MKL, which uses AVX2 alone on processors of another maker than Intel: 110 GFLOP/s on a
core of an AMD EPYC (Zen 5) whose AVX-512 gives oneDNN, which is in the same builds, 210 to 250. Both add in float32.

Legend: N rows, P ≥ N rows padded to whole tiles, A inner length, B columns.
"""

from collections.abc import Callable
from functools import cache
from time import perf_counter

import torch
from torch import Tensor

TILE_ROWS = 16
"""Rows to a multiple of which oneDNN's products are padded: it compiles a product for each shape, and keeps 1,024."""
SMALLEST_WORK = 2**19
"""Multiplications below which a call of oneDNN costs more than it saves."""
CLEARLY_FASTER = 1.25
"""Times as fast as MKL must oneDNN be; where both are alike (Intel), results stay those of PyTorch's own product."""


def row_tile(like: Tensor) -> int:
    """Rows to a multiple of which the rows of such tensors are padded, with zeros, before a product."""
    return TILE_ROWS if _takes_onednn(like) else 1


def product(
    left_PA: Tensor, right_AB: Tensor, out_NB: Tensor, bias_B: Tensor | None = None, *, accumulate: bool = False
) -> None:
    """Write left·right + bias, or add left·right, into a tensor of as many rows or fewer."""
    if _takes_onednn(left_PA) and left_PA.numel() * right_AB.shape[1] >= SMALLEST_WORK:
        whole_NB = _by_onednn(left_PA, right_AB, bias_B)[: len(out_NB)]
        out_NB.add_(whole_NB) if accumulate else out_NB.copy_(whole_NB)
        return
    left_NA = left_PA[: len(out_NB)]
    if bias_B is not None:
        torch.addmm(bias_B, left_NA, right_AB, out=out_NB)
    else:
        # beta 0 writes over what fresh memory holds, NaN too: no buffer needs to be zeroed before.
        torch.addmm(out_NB, left_NA, right_AB, beta=int(accumulate), out=out_NB)


def _takes_onednn(like: Tensor) -> bool:
    return like.dtype == torch.float32 and like.device.type == "cpu" and onednn_is_faster()


def _by_onednn(left_PA: Tensor, right_AB: Tensor, bias_B: Tensor | None) -> Tensor:
    whole_PB: Tensor = torch.ops.mkldnn._linear_pointwise(left_PA, right_AB.t(), bias_B, "none", [], "")
    return whole_PB


@cache
def onednn_is_faster() -> bool:
    """Whether oneDNN multiplies clearly faster than MKL here: both are timed once a process, some milliseconds."""
    if not torch.backends.mkldnn.is_available() or not torch.backends.mkl.is_available():
        return False
    left, right = torch.ones(128, 256), torch.ones(256, 256)

    def fastest(multiply: Callable[[], Tensor]) -> float:
        def seconds() -> float:
            start = perf_counter()
            multiply()
            return perf_counter() - start

        return min(seconds() for _ in range(9))

    return fastest(lambda: left @ right) > CLEARLY_FASTER * fastest(lambda: _by_onednn(left, right, None))
