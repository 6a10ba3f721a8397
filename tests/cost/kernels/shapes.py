"""Shapes of kernels as tests state them: by position, with what a curve does not ask for left out."""

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import DecodeAttention, Gemm, PrefillAttention, RoutedExperts
from optimoe.cost.kernels.families.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.families.experts import experts_s
from optimoe.cost.kernels.families.gemm import gemm_s

H100, A100, B200 = (find_accelerator(name) for name in ("h100-sxm", "a100-sxm", "b200-sxm"))
US = 1e-6


def gemm(gpu, precision, rows, width, depth):
    return gemm_s(gpu, precision, Gemm(rows=rows, width=width, depth=depth))


def experts(gpu, precision, pairs, distinct, width=14336, moved_pairs=None, engine=""):
    shape = RoutedExperts(
        pairs=pairs,
        distinct=distinct,
        d_model=4096,
        width=width,
        num_experts=256,
        top_k=2,
        moved_pairs=pairs if moved_pairs is None else moved_pairs,
    )
    return experts_s(gpu, precision, shape, engine=engine)


def prefill(gpu, requests, length, seen, engine=""):
    shape = PrefillAttention(
        requests=requests, num_heads=32, num_kv_heads=8, head_dim=128, length=length, seen=seen
    )
    return prefill_attention_s(gpu, shape, engine=engine)


def decode(gpu, requests, seen):
    shape = DecodeAttention(requests=requests, num_heads=32, num_kv_heads=8, head_dim=128, seen=seen)
    return decode_attention_s(gpu, "bf16", shape)
