"""The kernels of one layer's token mixer on one GPU of a group: projections, and the mixing itself.

Softmax attention was measured; latent attention runs the same kernels at its own sizes; recurrent mixers are
rooflines at the shares of attention (derived, not measured).
"""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from optimoe.arch.memory import STATE_BYTES
from optimoe.arch.mixers.attended import MlaForm, Phase, attended
from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, Indexer, LatentAttention
from optimoe.core.arrays import Values
from optimoe.core.errors import holds
from optimoe.cost.kernels.curve import KernelTime, find_curve, memory_s
from optimoe.cost.layers.machine import Machine


@singledispatch
def projections(mixer: Any, machine: Machine, d_model: Values, tokens: Values) -> Iterator[KernelTime]:
    """The products with a mixer's matrices: half of them in, half out, split over the GPUs."""
    inner = mixer.matrix_params(d_model) / (2 * d_model) / machine.tp
    yield machine.product(tokens, inner, d_model)
    yield machine.product(tokens, d_model, inner)


@projections.register
def _(mixer: Attention, machine: Machine, d_model: Values, tokens: Values) -> Iterator[KernelTime]:
    """Queries, their gate, keys and values as one product; output. Few key-value heads are copied."""
    heads = mixer.num_heads / machine.tp
    kv_heads = mixer.num_kv_heads / machine.head_shards(mixer.num_kv_heads)
    qkv = ((1 + mixer.output_gate) * heads + 2 * kv_heads) * mixer.head_dim
    yield machine.product(tokens, qkv, d_model)
    yield machine.product(tokens, d_model, heads * mixer.head_dim)


@projections.register
def _(mixer: LatentAttention, machine: Machine, d_model: Values, tokens: Values) -> Iterator[KernelTime]:
    """Down to the latents on every GPU; queries up, expansion and output split over the GPUs."""
    heads, rank = mixer.num_heads / machine.tp, mixer.q_lora_rank
    yield machine.product(tokens, rank + mixer.kv_lora_rank + mixer.qk_rope_dim, d_model)
    yield machine.product(tokens, heads * (mixer.qk_nope_dim + mixer.qk_rope_dim), rank + (rank == 0) * d_model)
    yield machine.product(tokens, heads * (mixer.qk_nope_dim + mixer.v_dim), mixer.kv_lora_rank)
    yield machine.product(tokens, d_model, heads * mixer.v_dim)
    if mixer.indexer is not None:
        yield machine.product(tokens, mixer.indexer.num_heads * mixer.indexer.head_dim, rank)
        yield machine.product(tokens, mixer.indexer.head_dim + mixer.indexer.num_heads, d_model)


@singledispatch
def decode_mixing(
    mixer: Any, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[KernelTime]:
    """``queries`` tokens of each request through a recurrent mixer: its state is read and written in fp32."""
    curve = find_curve("decode_attention", "bf16", machine.gpu)
    moved = 2 * STATE_BYTES * batch * mixer.state_values / machine.tp
    yield _recurrent(mixer, machine, d_model, batch * queries, context, moved, "decode", curve.launch_s)


@decode_mixing.register
def _(
    mixer: Attention, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[KernelTime]:
    """Scores and values over the cache, which all queries of a request share."""
    seen = attended(context, mixer.window_tokens, "decode", mixer.chunked)
    yield _over_cache(mixer, machine, d_model, batch, context, seen, mixer.cache_values, queries)


@decode_mixing.register
def _(
    mixer: LatentAttention, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[KernelTime]:
    """Absorbed: every GPU reads the whole latents for its share of the heads. An indexer reads its keys first."""
    latent, seen = mixer.kv_lora_rank + mixer.qk_rope_dim, context
    if mixer.indexer is not None:
        seen = attended(context, mixer.indexer.top_k, "decode")
        flops = queries * index_flops(mixer.indexer, context)
        shape = batch, mixer.indexer.head_dim, flops, context
        yield machine.kernels.decode_attention(machine.gpu, machine.execution.kv_precision, *shape)
    yield _over_cache(mixer, machine, d_model, batch, context, seen, latent, queries)


@singledispatch
def prefill_mixing(
    mixer: Any, machine: Machine, d_model: Values, length: Values, past: Values = 0
) -> Iterator[KernelTime]:
    """``length`` tokens of a prompt, ``past`` of it cached, through a recurrent mixer.

    Inputs read and outputs written once, FLOPs at attention's share.
    """
    curve = find_curve("prefill_attention", "bf16", machine.gpu)
    moved = 2 * 2 * mixer.matrix_params(d_model) / d_model * length / machine.tp
    yield _recurrent(mixer, machine, d_model, length, length, moved, "prefill", curve.launch_s)


@prefill_mixing.register
def _(
    mixer: Attention, machine: Machine, d_model: Values, length: Values, past: Values = 0
) -> Iterator[KernelTime]:
    """Causal attention within the window."""
    seen = _mean_seen(length, past, mixer.window_tokens, mixer.chunked)
    heads = mixer.num_heads / machine.tp, mixer.num_kv_heads / machine.head_shards(mixer.num_kv_heads)
    yield machine.kernels.prefill_attention(machine.gpu, 1, *heads, mixer.head_dim, length, seen)


@prefill_mixing.register
def _(
    mixer: LatentAttention, machine: Machine, d_model: Values, length: Values, past: Values = 0
) -> Iterator[KernelTime]:
    """Expanded: as many key-value heads as heads, of the mean width of keys and values."""
    heads, head_dim = mixer.num_heads / machine.tp, (mixer.qk_nope_dim + mixer.qk_rope_dim + mixer.v_dim) / 2
    window = UNLIMITED_WINDOW
    if mixer.indexer is not None:
        window = mixer.indexer.top_k
        everything = _mean_seen(length, past, UNLIMITED_WINDOW)
        flops = length * index_flops(mixer.indexer, everything)
        yield machine.kernels.decode_attention(
            machine.gpu, machine.execution.kv_precision, 1, mixer.indexer.head_dim, flops, length
        )
    seen = _mean_seen(length, past, window)
    yield machine.kernels.prefill_attention(machine.gpu, 1, heads, heads, head_dim, length, seen)


def _mean_seen(length: Values, past: Values, window: Values, chunked: bool = False) -> Values:
    """Tokens that a token of a prompt sees on average, its first ``past`` tokens being cached.

    With S(n) the sum over the first n tokens: (S(past + length) − S(past))/length.
    """
    if holds(np.asarray(past) == 0):
        return attended(length, window, "prefill", chunked)
    whole, cached = past + length, np.maximum(past, 1)
    before = past * attended(cached, window, "prefill", chunked)
    return (whole * attended(whole, window, "prefill", chunked) - before) / length


def index_flops(indexer: Indexer, seen: Values) -> Values:
    """FLOPs of one token's index scores, on every GPU: 2·h_i·(d_i + 1) per key."""
    return 2 * indexer.num_heads * (indexer.head_dim + 1) * seen


def _over_cache(
    mixer: Any,
    machine: Machine,
    d_model: Values,
    batch: Values,
    context: Values,
    seen: Values,
    values: Values,
    queries: Values,
) -> KernelTime:
    """Attention over ``seen`` tokens of ``values`` cached values each, as far as they split over the GPUs."""
    form: MlaForm = "absorbed"
    scores = mixer.flops(d_model, context, "decode", form)["attention_scores"] * queries / machine.tp
    shared = values / machine.cache_shards(mixer.cache_heads)
    return machine.kernels.decode_attention(
        machine.gpu, machine.execution.kv_precision, batch, shared, scores, seen
    )


def _recurrent(
    mixer: Any,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    length: float,
    moved: Values,
    phase: Phase,
    launch_s: float,
) -> KernelTime:
    """What a recurrent mixer does beside its projections, as a roofline."""
    curve = find_curve("prefill_attention", "bf16", machine.gpu)
    flops = mixer.flops(d_model, length, phase, "absorbed")["recurrent"]
    flops = (flops - 2 * mixer.matrix_params(d_model)) * tokens / machine.tp
    return KernelTime(
        launch_s=launch_s,
        side_s=0.0,
        compute_s=flops / (machine.gpu.flops_per_s("bf16") * curve.compute_share),
        memory_s=memory_s(machine.gpu, curve, moved),
        sharpness=curve.sharpness,
    )
