"""Matrix products: out[M, N] = activations[M, K] · weights[K, N]."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import COMPUTE_PRECISION, Accelerator
from optimoe.cost.kernels.calls import Gemm, KernelTime
from optimoe.cost.kernels.curve import CHAIN, KernelCurve, find_curve, memory_s

OUTPUT_BYTES = 2
"""Outputs are written in bf16."""

KINDS = {"bf16": "bf16", "fp8": "fp8", "int8": "fp8", "int4": "bf16", "mxfp4": "bf16"}
"""Measured kind by precision of the weights. int8 has the rates of fp8; 4-bit weights are read as such and
multiplied in bf16 (their kernels were not measured for dense products: an optimistic estimate)."""


def gemm_s(gpu: Accelerator, precision: str, product: Gemm, curve: KernelCurve | None = None) -> KernelTime:
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

    Raises:
        InputError: The accelerator lacks the precision.
    """
    peak_flops_per_s = gpu.flops_per_s(precision)
    curve = curve or find_curve("gemm", KINDS[precision], gpu)
    rows, width, depth = product.rows, product.width, product.depth
    activation = bytes_per_value(COMPUTE_PRECISION[precision])
    moved = bytes_per_value(precision) * depth * width + (activation * depth + OUTPUT_BYTES * width) * rows
    flops = 2 * (rows + curve.pad) * (width + curve.pad) * (depth + curve.half_fill)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(depth / CHAIN),
        side_s=curve.side_share * rows * depth / gpu.memory_bytes_per_s,
        compute_s=flops / (peak_flops_per_s * curve.compute_share),
        memory_s=memory_s(gpu, curve, moved),
        sharpness=curve.sharpness,
    )
