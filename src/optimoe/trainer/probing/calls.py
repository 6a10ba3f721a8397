"""Single calls of PyTorch's operators on a CPU as models make them, each in the shapes of small models.

Legend: T tokens, E experts, K experts of a token, D model width, F width of an expert, B sequences, H heads,
S tokens of a sequence, N tokens of a cache, C width of a head.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from optimoe.cost.kernels.calls import DecodeAttention, Gemm, PrefillAttention, RoutedExperts
from optimoe.cost.kernels.here import TimedCalls
from optimoe.cost.kernels.spread import balanced
from optimoe.cost.training.passes import FLASH_BACKWARD
from optimoe.models.dense.linear import linear
from optimoe.models.experts.dispatch import run_experts
from optimoe.models.experts.kernels import ExpertWeights
from optimoe.trainer.probing.clock import best_s

CPU = torch.device("cpu")

ROWS = (1, 2, 4, 8, 16, 64, 512, 2048)
WEIGHTS = ((64, 64), (96, 257), (256, 64), (256, 256), (512, 1024), (1024, 1024))
COLD_ROWS, COLD_WEIGHTS = (1, 4), ((4096, 4096),)
"""Weights beyond a last-level cache, for few rows, as decoding a large model reads them."""

EXPERTS = ((8, 2, 64, 64), (8, 2, 128, 128), (16, 2, 256, 128), (8, 2, 256, 512), (64, 8, 128, 32))
EXPERT_TOKENS, TRAINED_TOKENS = (1, 4, 16), (256, 2048)
EXPERT_PASSES = 3
"""Passes of training that cost as much as one forward, as the model of training takes them."""

PROMPTS = ((8, 2, 32, 256), (8, 4, 32, 256), (4, 4, 64, 128), (2, 8, 64, 512), (1, 2, 32, 64))
CACHES = ((1, 2, 32, 64), (1, 8, 64, 512), (4, 4, 32, 256), (16, 4, 32, 128), (8, 8, 64, 1024))


def timed_calls(dtype: torch.dtype) -> Iterator[TimedCalls]:
    """Products, experts, prompts and caches, each family in a type."""
    yield _products(dtype)
    yield _experts(dtype)
    yield _prompts(dtype)
    yield _caches(dtype)


def _products(dtype: torch.dtype) -> TimedCalls:
    """Products as our linear layers make them, without gradients."""
    shapes = [(rows, *sizes) for sizes in WEIGHTS for rows in ROWS]
    shapes += [(rows, *sizes) for sizes in COLD_WEIGHTS for rows in COLD_ROWS]

    def one(rows: int, depth: int, width: int) -> tuple[float, int]:
        x_TD, w_FD = torch.randn(rows, depth, dtype=dtype), torch.randn(width, depth, dtype=dtype)
        touched = x_TD.nbytes + w_FD.nbytes + rows * width * x_TD.itemsize
        with torch.inference_mode():
            return best_s(lambda: linear(x_TD, w_FD), CPU), touched

    seconds, touched = _arrays(one(*shape) for shape in shapes)
    rows, depth, width = np.array(shapes, dtype=float).T
    return TimedCalls(shape=Gemm(rows=rows, width=width, depth=depth), seconds=seconds, touched_bytes=touched)


def _experts(dtype: torch.dtype) -> TimedCalls:
    """Routed experts forward, and a third of forward and backward where tokens are as many as in training."""
    shapes = [(tokens, *sizes) for sizes in EXPERTS for tokens in EXPERT_TOKENS + TRAINED_TOKENS]

    def one(tokens: int, num_experts: int, top_k: int, d_model: int, width: int) -> tuple[float, int]:
        trained = tokens in TRAINED_TOKENS
        weights = ExpertWeights(
            w_in_EDM=_leaf(num_experts, d_model, 2 * width, dtype=dtype, trained=trained),
            w_out_EFD=_leaf(num_experts, width, d_model, dtype=dtype, trained=trained),
            b_in_EM=None,
            b_out_ED=None,
            activation="silu",
        )
        x_TD = _leaf(tokens, d_model, dtype=dtype, trained=trained)
        expert_TK = torch.arange(tokens * top_k).remainder(num_experts).view(tokens, top_k)
        weight_TK = torch.full((tokens, top_k), 1 / top_k, dtype=dtype)
        seconds = _passes_s(lambda: run_experts(weights, x_TD, expert_TK, weight_TK), trained)
        return seconds / (EXPERT_PASSES if trained else 1), sum(
            one.nbytes for one in (weights.w_in_EDM, weights.w_out_EFD, x_TD)
        )

    seconds, touched = _arrays(one(*shape) for shape in shapes)
    tokens, num_experts, top_k, d_model, width = np.array(shapes, dtype=float).T
    spread = balanced(tokens, num_experts, top_k)
    shape = RoutedExperts(
        pairs=spread.pairs,
        distinct=spread.distinct,
        d_model=d_model,
        width=width,
        num_experts=num_experts,
        top_k=top_k,
        moved_pairs=spread.pairs,
    )
    return TimedCalls(shape=shape, seconds=seconds, touched_bytes=touched)


def _prompts(dtype: torch.dtype) -> TimedCalls:
    """Attention over sequences with a mask, as documents need: forward and backward over 1 + 2.5."""

    def one(requests: int, heads: int, head_dim: int, length: int) -> tuple[float, int]:
        q_BHSC, k_BHSC, v_BHSC = (
            _leaf(requests, heads, length, head_dim, dtype=dtype, trained=True) for _ in range(3)
        )
        seen_SS = torch.ones(length, length, dtype=torch.bool).tril()
        attend = nn.functional.scaled_dot_product_attention
        seconds = _passes_s(lambda: attend(q_BHSC, k_BHSC, v_BHSC, attn_mask=seen_SS), True)
        return seconds / (1 + FLASH_BACKWARD), 4 * q_BHSC.nbytes

    seconds, touched = _arrays(one(*shape) for shape in PROMPTS)
    requests, heads, head_dim, length = np.array(PROMPTS, dtype=float).T
    shape = PrefillAttention(
        requests=requests,
        num_heads=heads,
        num_kv_heads=heads,
        head_dim=head_dim,
        length=length,
        seen=(length + 1) / 2,
    )
    return TimedCalls(shape=shape, seconds=seconds, touched_bytes=touched)


def _caches(dtype: torch.dtype) -> TimedCalls:
    """Attention of one query over a cache."""

    def one(requests: int, heads: int, head_dim: int, seen: int) -> tuple[float, int]:
        q_BH1C = torch.randn(requests, heads, 1, head_dim, dtype=dtype)
        k_BHNC, v_BHNC = (torch.randn(requests, heads, seen, head_dim, dtype=dtype) for _ in range(2))
        attend = nn.functional.scaled_dot_product_attention
        with torch.inference_mode():
            return best_s(lambda: attend(q_BH1C, k_BHNC, v_BHNC), CPU), 2 * k_BHNC.nbytes

    seconds, touched = _arrays(one(*shape) for shape in CACHES)
    requests, heads, head_dim, seen = np.array(CACHES, dtype=float).T
    shape = DecodeAttention(requests=requests, num_heads=heads, num_kv_heads=heads, head_dim=head_dim, seen=seen)
    return TimedCalls(shape=shape, seconds=seconds, touched_bytes=touched)


def _leaf(*sizes: int, dtype: torch.dtype, trained: bool) -> Tensor:
    return torch.randn(*sizes, dtype=dtype).div_(16).requires_grad_(trained)


def _passes_s(forward: Callable[[], Tensor], trained: bool) -> float:
    """Seconds of a forward pass, with the backward one where it is trained."""
    if trained:
        return best_s(lambda: forward().sum().backward(), CPU)  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        return best_s(forward, CPU)


def _arrays(rows: Iterator[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and bytes that were touched."""
    seconds, touched = np.array(list(rows), dtype=float).T
    return seconds, touched
