"""The small kernels of a layer: norms, rotations, cache writes, activations, top-k, which no product's call holds.

A decode step of few requests launches as many of them as products, and each takes its launch however little it
moves. Counted in the engines' own sources, one layer each:

    vLLM         norm with residual, rotation, cache write; norm with residual, activation
                 (vllm/model_executor/models/llama.py, v1/attention/backends/flash_attn.py)
    SGLang       as vLLM (python/sglang/srt/models/llama.py, layers/radix_attention.py)
    TensorRT-LLM rotation and cache write are of the attention call; norms of the all-reduce where there is one
                 (tensorrt_llm/_torch/models/modeling_llama.py, AllReduceFusionOp.RESIDUAL_RMS_NORM)
"""

from typing import Any

import numpy as np

from optimoe.arch.parts import (
    PEER,
    Attention,
    BlockIndexer,
    CausalConvolution,
    CompressedAttention,
    DenseFFN,
    LatentAttention,
    MoE,
    RoutedHeads,
)
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.arch.traffic import all_reduces
from optimoe.core.arrays import Values
from optimoe.cost.kernels.calls import KernelTime
from optimoe.cost.kernels.families.small import small_s
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import LayerSizes, layer_sizes

ROTATION, CACHE_WRITE, NORM, ACTIVATION, TOP_K, SUM = 1, 1, 1, 1, 1, 1
"""Launches of each, so that a count reads as its sum."""

LATENT = 2 * NORM + ROTATION + CACHE_WRITE + 1
"""Norms of both latents, rotation, cache write, and the second of the two batched products that absorb the
expansion, of which the layer counts one (vllm/v1/attention/backends/mla/common.py: W_UK before, W_UV behind the
attention)."""

SELECTION = NORM + ROTATION + CACHE_WRITE + TOP_K + 2
"""Of an indexer: norm and rotation of its keys, their quantisation and cache write, that of its queries, the
weights of its heads, top-k (vllm/model_executor/models/deepseek_v2.py, Indexer.forward)."""

COMPRESSED = 3 * NORM + 2 * ROTATION + CACHE_WRITE
"""Of attention over compressed entries: norms of the compressed queries, of each head and of the key, the rotation
and its undoing behind the attention, cache write (as DeepSeek-V4's own code computes them; unmeasured)."""

ENTRY = 2
"""Of each kind of entry: its pooling with norm and rotation, and its cache write (assumed)."""

BLOCK_SELECTION = 2 * NORM + ROTATION + CACHE_WRITE + 1 + TOP_K
"""Of a block indexer: norms of its queries and keys, their rotation, cache write, the best of each block, top-k
(assumed: as its formulas stand in transformers' MiniMaxM3VLIndexer)."""

RECURRENT = 5
"""Convolution, gates, split of the inputs, norm of the outputs and their gate (vllm/model_executor/models/
qwen3_next.py, Qwen3NextGatedDeltaNet); other recurrent mixers are taken to launch as many (assumed)."""

STREAMS = 4
"""Of each of the two parts of a layer: the weights of the streams with their sum, and the mix of its output into
the streams, where the residual has several (assumed: DeepSeek-V4's own kernels are two)."""

FUSED_ATTENTION = ("trtllm",)
"""Engines whose attention call rotates and writes the cache."""


def small_kernels(machine: Machine, arch: ArchSpec, tokens: Values) -> KernelTime:
    """Seconds of all small kernels of a pass over ``tokens`` of an attention rank."""
    launches: Values = 0.0
    num_bytes: Values = 0.0
    for group, sizes in zip(arch.layers, layer_sizes(arch), strict=True):
        launches = launches + group.num_layers * layer_launches(machine, group)
        num_bytes = num_bytes + sizes.num_layers * elementwise_bytes(machine, sizes) * tokens
    return small_s(machine.gpu, launches, num_bytes, engine=engine_of(machine))


def engine_of(machine: Machine) -> str:
    """The engine whose kernels run, where that is said; empty is any."""
    return machine.execution.kernels.partition(":")[2]


def layer_launches(machine: Machine, group: LayerGroup) -> Values:
    """Small kernels of one layer on each GPU."""
    fused = engine_of(machine) in FUSED_ATTENTION
    alone = np.asarray(machine.tp) == 1
    norms = np.where(alone | (not fused), NORM, 0) * all_reduces(group)
    mixers = sum(_mixer_launches(member, fused) for member in group.mixer.members)
    streams = STREAMS if group.streams is not None else 0
    return norms + mixers + streams + sum(_ffn_launches(ffn) for ffn in group.feed_forwards)


def _mixer_launches(mixer: Any, fused: bool) -> Values:
    if isinstance(mixer, Attention):
        written = CACHE_WRITE * (1 - mixer.shared_kv)
        return (0 if fused else ROTATION + written) + NORM * (mixer.qk_norm != "none")
    if isinstance(mixer, CompressedAttention):
        selection = SELECTION + ENTRY if mixer.indexer is not None else 0
        return COMPRESSED + ENTRY * (mixer.ratio > 0) + selection
    if isinstance(mixer, RoutedHeads):
        return (0 if fused else ROTATION + CACHE_WRITE) + TOP_K + SUM
    if isinstance(mixer, BlockIndexer):
        return BLOCK_SELECTION
    if isinstance(mixer, CausalConvolution):
        return 0
    if isinstance(mixer, LatentAttention):
        return LATENT + (SELECTION if mixer.indexer is not None else 0)
    return RECURRENT


def _ffn_launches(ffn: Any) -> Values:
    if isinstance(ffn, DenseFFN):
        return ACTIVATION
    if isinstance(ffn, MoE):
        return TOP_K + SUM * (np.asarray(ffn.num_shared_experts) > 0)
    return TOP_K if isinstance(ffn, PEER) else 0


def elementwise_bytes(machine: Machine, sizes: LayerSizes) -> Values:
    """Bytes per token and layer of what lies between the products, in bf16.

    Each norm with its residual reads and writes 4·d, several streams their own; the mixer's inputs and outputs as
    many values as it has matrix columns; the activation of a dense feed-forward m·f. That of routed experts is
    part of their call.
    """
    split = (sizes.mixer_columns + sizes.dense_hidden) / machine.tp
    return 2 * (4 * sizes.norm_values + sizes.stream_values + split)
