"""The routed experts of one layer as one fused call: up and gate, activation, down, weighted sum."""

import numpy as np

from optimoe.arch.memory import bytes_per_value
from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.curve import KernelCurve, KernelTime, find_curve, memory_s

KINDS = {"bf16": "bf16", "fp8": "fp8", "int8": "fp8", "int4": "int4", "mxfp4": "bf16"}
"""Measured kind by precision of the weights. The measured int4 kernel is slower than bf16 at most shapes;
mxfp4 was not measured and is taken as bf16 arithmetic on 4-bit reads (an optimistic estimate)."""

ACTIVATION_BYTES = 2


def experts_s(
    gpu: Accelerator,
    precision: str,
    pairs: Values,
    distinct: Values,
    d_model: Values,
    width: Values,
    *,
    moved_pairs: Values | None = None,
    matrices: int = 3,
    curve: KernelCurve | None = None,
) -> KernelTime:
    """Seconds of the routed experts of one layer on one GPU, without communication.

    With d ``d_model``, f the width of an expert on this GPU, m matrices: memory distinct·m·d·f weights;
    compute 2·(pairs + pad·distinct)·m·d·(f + half)/(peak·share), since each expert's rows fill whole tiles;
    side traffic of bf16 activations side_share·moved_pairs·(2·f + d); launch + latency·√distinct.
    Source: ``operators.toml``, [experts].

    Args:
        gpu: The accelerator.
        precision: Of the weights.
        pairs: (token, expert) pairs computed on this GPU.
        distinct: Experts with at least one token, on this GPU.
        d_model: Width of the residual stream.
        width: Width of an expert, its share on this GPU.
        moved_pairs: Pairs whose rows this GPU moves; more than ``pairs`` where an engine carries the rows of
            other GPUs' experts through its buffers.
        matrices: Per expert, 3 or 2.
        curve: Coefficients, instead of the fitted ones.

    Raises:
        InputError: The accelerator lacks the precision.
    """
    peak_flops_per_s = gpu.flops_per_s(precision)
    curve = curve or find_curve("experts", KINDS[precision], gpu)
    carried = pairs if moved_pairs is None else moved_pairs
    per_width = matrices * d_model
    flops = 2 * (pairs + curve.pad * distinct) * per_width * (width + curve.half_fill)
    side = curve.side_share * ACTIVATION_BYTES * carried * (2 * width + d_model)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(distinct),
        side_s=side / gpu.memory_bytes_per_s,
        compute_s=flops / (peak_flops_per_s * curve.compute_share),
        memory_s=memory_s(gpu, curve, bytes_per_value(precision) * distinct * per_width * width),
        sharpness=curve.sharpness,
    )
