"""The routed experts of one layer as one fused call: up and gate, activation, down, weighted sum."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.arithmetic import AUTO, arithmetic
from optimoe.cost.kernels.calls import KernelTime, RoutedExperts
from optimoe.cost.kernels.curve import KernelCurve, find_curve, memory_s

ACTIVATION_BYTES = 2
"""Tokens and hidden values pass between the parts of the call in bf16."""

KINDS = {"fp8": "fp8", "int8": "fp8", "int4": "int4", "fp4": "fp8"}
"""Measured kind by the arithmetic, or by the weights where they are unpacked. int8 has the rates of fp8."""


def expert_kind(gpu: Accelerator, weights: str, activations: str = AUTO) -> str:
    """The row of ``operators/experts.toml`` that times routed experts of a format on a GPU.

    Raises:
        UnknownNameError: No such precision.
    """
    peak = arithmetic(gpu, weights, activations)
    return KINDS.get(weights if peak == "bf16" and weights == "int4" else peak, "bf16")


def experts_s(
    gpu: Accelerator, precision: str, experts: RoutedExperts, curve: KernelCurve | None = None, engine: str = ""
) -> KernelTime:
    """Seconds of the routed experts of one layer on one GPU, without communication.

    With d ``d_model``, f the width of an expert on this GPU, m matrices: memory distinct·m·d·f weights;
    compute 2·(pairs + pad·distinct)·m·d·(f + half)/(peak·share), since each expert's rows fill whole tiles;
    side traffic of bf16 activations side_share·moved_pairs·(2·f + d); launch + latency·√distinct.
    Source: ``operators/experts.toml``.

    Args:
        gpu: The accelerator.
        precision: Precision of the weights.
        experts: The shape; what the curve does not ask for (experts and top-k of the layer) names a measurement.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.

    Raises:
        UnknownNameError: No such precision.
    """
    peak_flops_per_s = gpu.flops_per_s(precision, experts.activations)
    curve = curve or find_curve("experts", expert_kind(gpu, precision, experts.activations), gpu, engine)
    distinct, width = experts.distinct, experts.width
    per_width = experts.matrices * experts.d_model
    flops = 2 * (experts.pairs + curve.pad * distinct) * per_width * (width + curve.half_fill)
    side = curve.side_share * ACTIVATION_BYTES * experts.moved_pairs * (2 * width + experts.d_model)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(distinct),
        side_s=side / gpu.memory_bytes_per_s,
        compute_s=flops / (peak_flops_per_s * curve.compute_share),
        memory_s=memory_s(gpu, curve, bytes_per_value(precision) * distinct * per_width * width),
        sharpness=curve.sharpness,
    )
