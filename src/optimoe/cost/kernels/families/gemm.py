"""Matrix products: out[M, N] = activations[M, K] · weights[K, N]."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.arithmetic import arithmetic, operand_format
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import Gemm, KernelTime
from optimoe.cost.kernels.curve import CHAIN, find_curve, memory_s

OUTPUT_BYTES = 2
"""Outputs are written in bf16; in fp32 where that is the arithmetic."""

KINDS = {"fp32": "fp32", "bf16": "bf16", "fp8": "fp8", "int8": "int8", "fp4": "nvfp4"}
"""Measured kind by the arithmetic."""

UNPACKED = "int4"
"""Kind of weights that are narrower than the arithmetic and unpacked by the kernel: int4 was measured, other
formats and 8-bit weights of GPUs without such a peak are taken to unpack alike (assumed)."""


def gemm_kind(gpu: Accelerator, weights: str, peak: str) -> str:
    """The row of ``operators/gemm.toml`` that times products with weights of a format on a GPU.

    Engines multiply int8 by the tiles that they have for fp8 where the GPU has that (vLLM, csrc/quantization/w8a8/
    cutlass: scaled_mm for both).

    Args:
        gpu: The accelerator.
        weights: Their format.
        peak: The arithmetic that multiplies them, by :func:`~optimoe.cost.hardware.arithmetic.arithmetic`.
    """
    if peak == "bf16" and weights not in ("bf16", "fp32"):
        return UNPACKED
    if peak == "int8" and "fp8" in gpu.peak_flops_per_s:
        return "fp8"
    return KINDS[peak]


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
    curve = curve or find_curve("gemm", gemm_kind(gpu, precision, peak), gpu, engine)
    rows, width, depth = product.rows, product.width, product.depth
    activation = bytes_per_value(operand_format(peak))
    output = max(OUTPUT_BYTES, activation) if peak == "fp32" else OUTPUT_BYTES
    moved = bytes_per_value(precision) * depth * width + (activation * depth + output * width) * rows
    flops = 2 * (rows + curve.pad) * (width + curve.pad) * (depth + curve.half_fill)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(depth / CHAIN),
        side_s=curve.side_share * rows * depth / gpu.memory_bytes_per_s,
        compute_s=flops / (gpu.peak_flops_per_s[peak] * curve.compute_share),
        memory_s=memory_s(gpu, curve, moved),
        sharpness=curve.sharpness,
    )
