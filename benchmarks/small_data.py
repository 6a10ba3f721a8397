"""Measured elementwise kernels as a family: what a norm, a rotation or an activation costs beside the products.

The tables hold one of them alone, the scaling of a matrix to fp8, which reads 2 bytes and writes 1 for each value.
"""

from typing import Any

import numpy as np

from kernel_data import SECONDS, SHARE, Family, graphed, shape_names
from kernel_tables import ROWS, tables
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.families.small import small_s

MOVED_BYTES = 3
"""Bytes of a value: bf16 in, fp8 out."""

WARM_VALUES = 1e6
"""Calls were repeated on one matrix, which lies in the L2 from some size on and below that costs its launch:
larger ones are kept only beyond the cache."""


def small_families() -> list[Family]:
    """The one elementwise kernel that was measured."""
    rows = {}
    for source, table in tables("quantize", "scale_matrix_perf").items():
        values = table["m"] * table["k"].astype(float)
        last = max(source.accelerator.cache_bytes, 1.3e8)
        kept = (table["t"] > 0) & ((values < WARM_VALUES) | (MOVED_BYTES * values > 2 * last))
        rows[source] = {
            "bytes": MOVED_BYTES * values[kept], "t": table["t"][kept],
            "shape": shape_names(np.log2(values[kept]).round()),
        }  # fmt: skip

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        return 4e-6 + r["bytes"] / (0.75 * gpu.memory_bytes_per_s)

    return [
        Family(
            name="elementwise",
            kind="bf16",
            rows=graphed(rows),
            predict=lambda curve, gpu, r: small_s(gpu, 1, r["bytes"], curve).total_s,
            free={"launch_s": SECONDS, "memory_share": SHARE},
            flat=flat,
        )
    ]
