"""The kernels of one layer's token mixer on one GPU of a group: projections, and the mixing itself.

Softmax attention was measured; latent attention (MLA) runs the same kernels at its own sizes; recurrent mixers are
rooflines at the shares of attention (derived, not measured).
"""

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from optimoe.arch.memory import STATE_BYTES
from optimoe.arch.mixers.attended import Phase, attended
from optimoe.arch.mixers.base import MixerOfMembers
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
    Attention,
    BlockIndexer,
    CompressedAttention,
    Indexer,
    LatentAttention,
    NoMixer,
)
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.core.arrays import Values
from optimoe.core.errors import holds
from optimoe.cost.kernels.calls import DecodeAttention, LatentDecodeAttention, PrefillAttention, Roofline
from optimoe.cost.layers.machine import PLAIN, LayerKernel, Machine

OfMembers = MixerOfMembers | NoMixer
"""Mixers whose kernels are those of their members: several, or none."""

BF16_BYTES = 2
"""Inputs and outputs of a recurrent mixer over a prompt; its state alone is fp32."""


@singledispatch
def projections(
    mixer: Any, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """The products with a mixer's matrices: half of them in, half out, split over the GPUs."""
    inner = mixer.matrix_params(d_model) / (2 * d_model) / machine.tp
    yield from machine.products(tokens, inner, d_model, precisions, "attention")
    yield from machine.products(tokens, d_model, inner, precisions, "attention")


@projections.register
def attention_projections(
    mixer: Attention, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """Queries, their gate, keys and values as one product, and the output; few key-value heads are copied."""
    heads = mixer.num_heads / machine.tp
    shards = machine.head_shards(mixer.num_kv_heads)
    keys = (heads + mixer.key_heads / shards) * mixer.head_dim
    values = mixer.beside_values / machine.tp + mixer.value_heads / shards * mixer.value_dim
    yield from machine.products(tokens, keys + values, mixer.inputs(d_model), precisions, "attention")
    yield from machine.products(tokens, d_model, heads * mixer.value_dim, precisions, "attention")
    if mixer.dynamic_mask:
        values = mixer.num_kv_heads * mixer.value_dim
        yield from machine.products(tokens, mixer.num_kv_heads, values, precisions, "attention")


@projections.register
def latent_projections(
    mixer: LatentAttention, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """Projections of MLA: down to the latents on every GPU; queries up, expansion and output split over them."""
    heads, rank = mixer.num_heads / machine.tp, mixer.q_lora_rank
    query, gate = heads * (mixer.qk_nope_dim + mixer.qk_rope_dim), heads * mixer.gate_dim
    sizes = [
        (rank + mixer.latent_values, d_model),
        (query + gate, 2 * rank) if mixer.gate_of_queries else (query, rank + (rank == 0) * d_model),
        (heads * (mixer.qk_nope_dim + mixer.v_dim), mixer.kv_lora_rank),
        (d_model, heads * mixer.v_dim),
    ]
    if mixer.output_gate and not mixer.gate_of_queries:
        sizes.append((gate, d_model))
    if mixer.indexer is not None:
        depth = d_model if mixer.indexer.of_input else rank
        sizes.append((mixer.indexer.num_heads * mixer.indexer.head_dim, depth))
        sizes.append((mixer.indexer.head_dim + mixer.indexer.num_heads, d_model))
    for width, depth in sizes:
        if np.any(width):  # of latents that a layer below makes there is none
            yield from machine.products(tokens, width, depth, precisions, "attention")


@projections.register
def member_projections(
    mixer: OfMembers,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    precisions: LayerPrecisions = PLAIN,
) -> Iterator[LayerKernel]:
    """The products of each mixer, one after the other; of none no product."""
    for member in mixer.members:
        yield from projections(member, machine, d_model, tokens, precisions)


@projections.register
def compressed_projections(
    mixer: CompressedAttention,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    precisions: LayerPrecisions = PLAIN,
) -> Iterator[LayerKernel]:
    """Projections over compressed entries: heads and groups of outputs are split, keys and entries are whole.

    Each group of heads is projected down by itself: one product of all groups' width and one group's depth.
    """
    heads, groups = mixer.num_heads * mixer.head_dim, mixer.output_groups
    sizes = [
        (mixer.q_lora_rank + mixer.head_dim, d_model),
        (heads / machine.tp, mixer.q_lora_rank),
        (groups * mixer.output_rank / machine.tp, heads / groups),
        (d_model, groups * mixer.output_rank / machine.tp),
    ]
    if mixer.ratio:
        sizes.append((2 * mixer.series * mixer.head_dim, d_model))
    if (indexer := mixer.indexer) is not None:
        sizes.append((indexer.num_heads * indexer.head_dim, mixer.q_lora_rank))
        sizes.append((2 * mixer.series * indexer.head_dim + indexer.num_heads, d_model))
    for width, depth in sizes:
        yield from machine.products(tokens, width, depth, precisions, "attention")


@projections.register
def index_projections(
    mixer: BlockIndexer, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """Index queries and keys as one product, whole on every GPU."""
    yield from machine.products(tokens, (mixer.num_heads + 1) * mixer.head_dim, d_model, precisions, "attention")


@singledispatch
def decode_mixing(
    mixer: Any, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[LayerKernel]:
    """``queries`` tokens of each request through a recurrent mixer: its state is read and written in fp32."""
    moved = 2 * STATE_BYTES * batch * mixer.state_values / machine.tp
    flops = _recurrent_flops(mixer, d_model, context, "decode") * (batch * queries) / machine.tp
    yield machine.mixing(
        Roofline(flops=flops, num_bytes=moved, shares_of="prefill_attention", launch_of="decode_attention")
    )


@decode_mixing.register
def attention_decode_mixing(
    mixer: Attention, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[LayerKernel]:
    """Attention with grouped heads over the cache, which all queries of a request share."""
    seen = attended(context, mixer.most_attended, "decode", mixer.chunked)
    yield machine.mixing(
        DecodeAttention(
            requests=batch,
            num_heads=mixer.num_heads * queries / machine.tp,
            num_kv_heads=mixer.num_kv_heads / machine.cache_shards(mixer.cache_heads),
            head_dim=mixer.mean_dim,
            seen=seen,
        )
    )


@decode_mixing.register
def latent_decode_mixing(
    mixer: LatentAttention, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[LayerKernel]:
    """Absorbed MLA: each GPU reads whole latents for its share of the heads; an indexer reads its keys first."""
    seen = attended(context, mixer.most_attended, "decode")
    if mixer.indexer is not None:
        flops = queries * index_flops(mixer.indexer, context)
        yield machine.mixing(_indexing(mixer.indexer, batch, flops, context))
    scores = mixer.flops(d_model, context, "decode", "absorbed")["attention_scores"]
    yield machine.mixing(
        LatentDecodeAttention(
            requests=batch,
            values=(mixer.kv_lora_rank + mixer.qk_rope_dim) / machine.cache_shards(mixer.cache_heads),
            score_flops=scores * queries / machine.tp,
            seen=seen,
        )
    )


@decode_mixing.register
def member_decode_mixing(
    mixer: OfMembers,
    machine: Machine,
    d_model: Values,
    batch: Values,
    context: Values,
    queries: Values = 1,
) -> Iterator[LayerKernel]:
    """The cache of one mixer, then the state of the other; of none nothing."""
    for member in mixer.members:
        yield from decode_mixing(member, machine, d_model, batch, context, queries)


@decode_mixing.register
def compressed_decode_mixing(
    mixer: CompressedAttention,
    machine: Machine,
    d_model: Values,
    batch: Values,
    context: Values,
    queries: Values = 1,
) -> Iterator[LayerKernel]:
    """Attention over the shared keys of a window and of entries; an indexer reads all of its own first."""
    if mixer.indexer is not None:
        entries = mixer.entries(context, UNLIMITED_WINDOW, "decode")
        yield machine.mixing(
            _indexing(mixer.indexer, batch, queries * index_flops(mixer.indexer, entries), entries)
        )
    scores = mixer.flops(d_model, context, "decode", "absorbed")["attention_scores"]
    yield machine.mixing(
        LatentDecodeAttention(
            requests=batch,
            values=mixer.head_dim / machine.cache_shards(mixer.cache_heads),
            score_flops=scores * queries / machine.tp,
            seen=mixer.seen(context, "decode"),
        )
    )


@decode_mixing.register
def index_decode_mixing(
    mixer: BlockIndexer, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[LayerKernel]:
    """The scores of every index key, whole on every GPU; the best of each block are part of the pass."""
    yield machine.mixing(_indexing(mixer, batch, queries * mixer.score_flops(context), context))


@singledispatch
def prefill_mixing(
    mixer: Any, machine: Machine, d_model: Values, length: Values, past: Values = 0, prompts: Values = 1
) -> Iterator[LayerKernel]:
    """``length`` tokens of each of some prompts, ``past`` of it cached, through a recurrent mixer.

    Inputs read and outputs written once, FLOPs at attention's share.
    """
    tokens = prompts * length
    moved = 2 * BF16_BYTES * mixer.matrix_params(d_model) / d_model * tokens / machine.tp
    flops = _recurrent_flops(mixer, d_model, length, "prefill") * tokens / machine.tp
    yield machine.mixing(
        Roofline(flops=flops, num_bytes=moved, shares_of="prefill_attention", launch_of="prefill_attention")
    )


@prefill_mixing.register
def attention_prefill_mixing(
    mixer: Attention, machine: Machine, d_model: Values, length: Values, past: Values = 0, prompts: Values = 1
) -> Iterator[LayerKernel]:
    """Causal attention over a prompt within the window."""
    seen = _mean_seen(length, past, mixer.most_attended, mixer.chunked)
    yield machine.mixing(prompt_attention(mixer, machine, requests=prompts, length=length, seen=seen))


@prefill_mixing.register
def latent_prefill_mixing(
    mixer: LatentAttention,
    machine: Machine,
    d_model: Values,
    length: Values,
    past: Values = 0,
    prompts: Values = 1,
) -> Iterator[LayerKernel]:
    """Expanded MLA over a prompt, within an indexer's selection where there is one."""
    if mixer.indexer is not None:
        everything = _mean_seen(length, past, UNLIMITED_WINDOW)
        flops = length * index_flops(mixer.indexer, everything)
        yield machine.mixing(_indexing(mixer.indexer, prompts, flops, length))
    seen = _mean_seen(length, past, mixer.most_attended)
    yield machine.mixing(prompt_attention(mixer, machine, requests=prompts, length=length, seen=seen))


@prefill_mixing.register
def member_prefill_mixing(
    mixer: OfMembers,
    machine: Machine,
    d_model: Values,
    length: Values,
    past: Values = 0,
    prompts: Values = 1,
) -> Iterator[LayerKernel]:
    """The attention over a prompt, then the recurrent mixer; of none nothing."""
    for member in mixer.members:
        yield from prefill_mixing(member, machine, d_model, length, past, prompts)


@prefill_mixing.register
def compressed_prefill_mixing(
    mixer: CompressedAttention,
    machine: Machine,
    d_model: Values,
    length: Values,
    past: Values = 0,
    prompts: Values = 1,
) -> Iterator[LayerKernel]:
    """A prompt over the shared keys of its windows and entries, which every GPU holds."""

    def mean(over: Callable[[Values], Values]) -> Values:
        return _mean_after(over, length, past)

    if mixer.indexer is not None:
        entries = mean(lambda tokens: mixer.entries(tokens, UNLIMITED_WINDOW, "prefill"))
        flops = length * index_flops(mixer.indexer, entries)
        yield machine.mixing(_indexing(mixer.indexer, prompts, flops, length / mixer.ratio))
    yield machine.mixing(
        PrefillAttention(
            requests=prompts,
            num_heads=mixer.num_heads / machine.tp,
            num_kv_heads=1,
            head_dim=mixer.head_dim,
            length=length,
            seen=mean(lambda tokens: mixer.seen(tokens, "prefill")),
        )
    )


@prefill_mixing.register
def index_prefill_mixing(
    mixer: BlockIndexer, machine: Machine, d_model: Values, length: Values, past: Values = 0, prompts: Values = 1
) -> Iterator[LayerKernel]:
    """The index scores of a prompt over all keys before each token."""
    flops = length * mixer.score_flops(_mean_seen(length, past, UNLIMITED_WINDOW))
    yield machine.mixing(_indexing(mixer, prompts, flops, length))


def prompt_attention(
    mixer: Attention | LatentAttention, machine: Machine, *, requests: Values, length: Values, seen: Values
) -> PrefillAttention:
    """Softmax attention over prompts on each GPU, its share of the heads; few key-value heads are copied.

    Latent attention is expanded: as many key-value heads as heads, of the mean width of keys and values.
    """
    num_heads = mixer.num_heads / machine.tp
    if isinstance(mixer, Attention):
        num_kv_heads, head_dim = mixer.num_kv_heads / machine.head_shards(mixer.num_kv_heads), mixer.mean_dim
    else:
        num_kv_heads, head_dim = num_heads, expanded_head_dim(mixer)
    return PrefillAttention(
        requests=requests,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_dim=head_dim,
        length=length,
        seen=seen,
    )


def expanded_head_dim(mixer: LatentAttention) -> Values:
    """Width of a head of expanded latent attention, the mean of keys and values: (d_nope + d_rope + d_v)/2."""
    return (mixer.qk_nope_dim + mixer.qk_rope_dim + mixer.v_dim) / 2


def _mean_seen(length: Values, past: Values, window: Values, chunked: bool = False) -> Values:
    """Tokens that a token of a prompt sees on average, its first ``past`` tokens being cached."""
    return _mean_after(lambda tokens: attended(tokens, window, "prefill", chunked), length, past)


def _mean_after(over: Callable[[Values], Values], length: Values, past: Values) -> Values:
    """The mean over ``length`` tokens behind ``past`` of what ``over`` means over all tokens of a prompt.

    With S(n) the sum over the first n tokens: (S(past + length) − S(past))/length.
    """
    if holds(np.asarray(past) == 0):
        return over(length)
    whole, cached = past + length, np.maximum(past, 1)
    return (whole * over(whole) - past * over(cached)) / length


def index_flops(indexer: Indexer, seen: Values) -> Values:
    """FLOPs of one token's index scores, on every GPU: 2·h_i·(d_i + 1) per key."""
    return 2 * indexer.num_heads * (indexer.head_dim + 1) * seen


def _indexing(
    indexer: Indexer | BlockIndexer, requests: Values, flops: Values, seen: Values
) -> LatentDecodeAttention:
    """The indexer's pass over its keys, which all its heads share and every GPU holds."""
    return LatentDecodeAttention(requests=requests, values=indexer.head_dim, score_flops=flops, seen=seen)


def _recurrent_flops(mixer: Any, d_model: Values, length: Values, phase: Phase) -> Values:
    """FLOPs of a token in a recurrent mixer beside its projections."""
    return mixer.flops(d_model, length, phase, "absorbed")["recurrent"] - 2 * mixer.matrix_params(d_model)
