"""Matrix products: out[M, N] = activations[M, K] · weights[K, N]."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.arithmetic import arithmetic, operands
from optimoe.cost.kernels.calls import Gemm, KernelTime
from optimoe.cost.kernels.curve import CHAIN, KernelCurve, find_curve, memory_s

OUTPUT_BYTES = 2
"""Outputs are written in bf16."""

KINDS = {"bf16": "bf16", "fp8": "fp8", "int8": "fp8", "fp4": "fp8"}
"""Measured kind by the arithmetic. int8 has the rates of fp8; weights of fewer bits than the arithmetic are read
as such and multiplied as the others (assumed: their kernels were not measured for dense products)."""


def gemm_s(
    gpu: Accelerator, precision: str, product: Gemm, curve: KernelCurve | None = None, engine: str = ""
) -> KernelTime:
    """Seconds of one product of M rows, N width, K depth.

    compute 2·(M + pad)·(N + pad)·(K + half)/(peak·share), memory (w·K·N + a·M·K + 2·M·N)/(bandwidth·share),
    launch + latency·√(K/4096), and side_share·M·K bytes for quantising the activations, with w and a bytes
    per weight and activation. Source: ``operators/gemm.toml``. Direction: ragged M (17 rows) and small N
    are slower than the smooth curve by up to the printed 90 % error.

    Args:
        gpu: The accelerator.
        precision: Precision of the weights.
        product: The shape.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.

    Raises:
        UnknownNameError: No such precision.
    """
    peak = arithmetic(gpu, precision, product.activations)
    curve = curve or find_curve("gemm", KINDS[peak], gpu, engine)
    rows, width, depth = product.rows, product.width, product.depth
    activation = bytes_per_value(operands(gpu, precision, product.activations))
    moved = bytes_per_value(precision) * depth * width + (activation * depth + OUTPUT_BYTES * width) * rows
    flops = 2 * (rows + curve.pad) * (width + curve.pad) * (depth + curve.half_fill)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(depth / CHAIN),
        side_s=curve.side_share * rows * depth / gpu.memory_bytes_per_s,
        compute_s=flops / (gpu.peak_flops_per_s[peak] * curve.compute_share),
        memory_s=memory_s(gpu, curve, moved),
        sharpness=curve.sharpness,
    )
