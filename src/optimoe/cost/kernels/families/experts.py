"""The routed experts of one layer as one fused call: up and gate, activation, down, weighted sum."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.arithmetic import AUTO, arithmetic
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import KernelTime, RoutedExperts
from optimoe.cost.kernels.curve import CHAIN, find_curve, memory_s

ACTIVATION_BYTES = 2
"""Tokens and hidden values pass between the parts of the call in bf16."""

QUANTISING = {("sglang", "blackwell"), ("trtllm", "blackwell"), ("trtllm", "blackwell-rtx")}
"""Engines, by architecture, that quantise to fp8 what enters mxfp4 experts, whatever the checkpoint says. SGLang:
``--flashinfer-mxfp4-moe-precision default`` (srt/server_args.py). TensorRT-LLM: W4A8_MXFP4_MXFP8 from sm100 on
(_torch/model_config.py, get_mxfp4_quant_algo). vLLM stays in bf16 (layers/quantization/mxfp4.py)."""

KINDS = {
    ("bf16", "bf16"): ("bf16",),
    ("fp8", "fp8"): ("fp8_block", "fp8"),
    ("int8", "int8"): ("fp8",),
    ("mxfp4", "fp8"): ("mxfp4_fp8",),
    ("mxfp4", "fp4"): ("nvfp4",),
    ("nvfp4", "fp4"): ("nvfp4",),
    ("mxfp4", "bf16"): ("mxfp4", "int4"),
}
"""Measured kinds by weights and arithmetic; the first that was measured on an architecture. int8 has the rates of
fp8. Routed experts in fp8 are released with scales by block (DeepSeek-V3, Qwen3, GLM-4.5)."""

UNPACKED, WIDENED = ("int4", "mxfp4"), ("mxfp4_fp8",)
"""Kinds of what has none of its own (assumed): weights unpacked to bf16 run the kernel of int4, which engines
use for fp8 and nvfp4 too where a GPU lacks their peak (Marlin); 4-bit weights times fp8 that of mxfp4."""


def expert_activations(gpu: Accelerator, weights: str, activations: str = AUTO, engine: str = "") -> str:
    """Format in which tokens enter routed experts: as asked, or as the engine quantises them by itself."""
    quantises = weights == "mxfp4" and (engine, gpu.architecture) in QUANTISING
    return "fp8" if quantises and activations in (AUTO, "bf16") else activations


def expert_kind(gpu: Accelerator, weights: str, activations: str = AUTO, engine: str = "") -> str:
    """The row of ``operators/experts.toml`` that times routed experts of a format on a GPU.

    Raises:
        UnknownNameError: No such precision.
    """
    peak = arithmetic(gpu, weights, expert_activations(gpu, weights, activations, engine))
    kinds = KINDS.get((weights, peak), UNPACKED if peak == "bf16" else WIDENED)
    kinds = ("fp32" if peak == "fp32" else "bf16",) if weights == "fp32" else kinds
    rows = operator_table("experts")
    return next((kind for kind in kinds if gpu.architecture in rows.get(kind, {})), kinds[0])


def experts_s(
    gpu: Accelerator, precision: str, experts: RoutedExperts, curve: KernelCurve | None = None, engine: str = ""
) -> KernelTime:
    """Seconds of the routed experts of one layer on one GPU, without communication.

    With d ``d_model``, f the width of an expert on this GPU, m matrices, and r = pairs/distinct rows an expert:

        compute = 2·(pairs + distinct·tile)·m·d·(f + half)/(peak·share)    tile = r, from least to largest
        memory  = bytes·distinct·m·d·f/(bandwidth·share)
        side    = side_share·2·moved_pairs·((m − 1)·f + d)/bandwidth
        launch  = launch + latency·√distinct + chain·(d + f)/4096

    Each expert's rows fill whole tiles, and kernels choose tiles by the rows of an expert: few rows, as decoding
    has, are padded to the smallest, many by the largest. Source: ``operators/experts.toml``.

    Args:
        gpu: The accelerator.
        precision: Precision of the weights.
        experts: The shape; what the curve does not ask for (experts and top-k of the layer) names a measurement.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.

    Raises:
        UnknownNameError: No such precision.
    """
    activations = expert_activations(gpu, precision, experts.activations, engine)
    curve = curve or find_curve("experts", expert_kind(gpu, precision, activations, engine), gpu, engine)
    distinct, width, depth = experts.distinct, experts.width, experts.d_model
    rows = experts.pairs / np.maximum(distinct, 1e-9)  # a rank that no token reaches has no rows
    tile = np.maximum(np.minimum(rows, curve.largest_tile), curve.least_tile)
    per_width = experts.matrices * depth
    flops = 2 * (experts.pairs + distinct * tile) * per_width * (width + curve.half_fill)
    moved = ACTIVATION_BYTES * experts.moved_pairs * ((experts.matrices - 1) * width + depth)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(distinct) + curve.chain_s * (depth + width) / CHAIN,
        side_s=curve.side_share * moved / gpu.memory_bytes_per_s,
        compute_s=flops / (gpu.flops_per_s(precision, activations) * curve.compute_share),
        memory_s=memory_s(gpu, curve, bytes_per_value(precision) * distinct * per_width * width),
        sharpness=curve.sharpness,
    )
