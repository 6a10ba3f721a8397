"""Softmax attention: over a prompt (prefill) and over a cache (decode), with grouped heads or absorbed MLA."""

import numpy as np

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import DecodeAttention, KernelTime, LatentDecodeAttention, PrefillAttention
from optimoe.cost.kernels.curve import CHAIN, find_curve, memory_s

FULL_HEAD = 128
"""Head width at and above which the curve of prompts holds as it is; narrower heads are slower."""

WIDE_CACHES = ("bf16", "fp32")
"""Caches that the kernels of 16 bit read."""


def _kind_of(gpu: Accelerator, precision: str) -> str:
    """What queries, keys and values are multiplied in: bf16, or fp32 where the file of a CPU states its peak."""
    return "fp32" if precision == "fp32" and "fp32" in gpu.peak_flops_per_s else "bf16"


def prefill_attention_s(
    gpu: Accelerator,
    attention: PrefillAttention,
    curve: KernelCurve | None = None,
    engine: str = "",
    precision: str = "bf16",
) -> KernelTime:
    """Seconds of causal attention over a prompt in one layer, h and h_kv heads on this GPU.

    With S the length, b requests, and s̄ the tokens that a query sees on average, FLOPs are
    4·d_h·(b·h·S + half_rows)·(s̄ + half_fill): few rows do not fill the GPU, and blocks on the diagonal are
    computed whole. Heads narrower than 128 are slower by √(128/d_h), since the softmax costs the same per score
    (measured at 64 and 128). Bytes 2·b·S·d_h·(2·h + 2·h_kv). Source: ``operators/prefill_attention.toml``.

    Args:
        gpu: The accelerator.
        attention: The shape.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.
        precision: fp32 on a CPU that computes in it; anything else is bf16.
    """
    kind = _kind_of(gpu, precision)
    curve = curve or find_curve("prefill_attention", kind, gpu, engine)
    requests, length, head_dim = attention.requests, attention.length, attention.head_dim
    rows = requests * attention.num_heads * length
    flops = 4 * head_dim * (rows + curve.half_rows) * (attention.seen + curve.half_fill)
    narrow = np.sqrt(np.maximum(1.0, FULL_HEAD / head_dim))
    heads = attention.num_heads + attention.num_kv_heads
    moved = bytes_per_value(kind) * requests * length * head_dim * 2 * heads
    return KernelTime(
        launch_s=curve.launch_s,
        side_s=0.0,
        compute_s=narrow * flops / (gpu.flops_per_s(kind) * curve.compute_share),
        memory_s=memory_s(gpu, curve, moved),
        sharpness=curve.sharpness,
    )


def decode_kind(kv_precision: str, attention: DecodeAttention | LatentDecodeAttention) -> str:
    """The row of ``operators/decode_attention.toml`` for a cache of a precision, of grouped heads or latent.

    Caches below 8 bits take the curve of fp8 (assumed: their kernels were not measured).
    """
    width = "bf16" if kv_precision in WIDE_CACHES else "fp8"
    return f"latent_{width}" if isinstance(attention, LatentDecodeAttention) else width


def decode_attention_s(
    gpu: Accelerator,
    kv_precision: str,
    attention: DecodeAttention | LatentDecodeAttention,
    curve: KernelCurve | None = None,
    engine: str = "",
) -> KernelTime:
    """Seconds of one query per request over its cache in one layer, on one GPU.

    Bytes requests·values·(seen + pad)·bytes per value, at the memory share; FLOPs requests·(score_flops +
    half_rows·row_flops), since the few query rows of a key-value head do not fill a tile; launch +
    latency·√(seen/4096) for the chain over one cache. The cache is taken as cold: between two calls a model reads
    other layers. Latent attention has kernels of its own. Source: ``operators/decode_attention.toml``.

    Args:
        gpu: The accelerator.
        kv_precision: Precision of the cache.
        attention: The shape, with grouped heads or over latents.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.
    """
    own = _kind_of(gpu, kv_precision) if "decode_attention" in gpu.curves else decode_kind(kv_precision, attention)
    curve = curve or find_curve("decode_attention", own, gpu, engine)
    per_token = attention.requests * attention.values * bytes_per_value(kv_precision)
    flops = attention.requests * (attention.score_flops + curve.half_rows * attention.row_flops)
    return KernelTime(
        launch_s=curve.launch_s + curve.latency_s * np.sqrt(attention.seen / CHAIN),
        side_s=0.0,
        compute_s=flops / (gpu.flops_per_s(_kind_of(gpu, kv_precision)) * curve.compute_share),
        memory_s=memory_s(gpu, curve, per_token * (attention.seen + curve.pad)),
        sharpness=curve.sharpness,
    )
