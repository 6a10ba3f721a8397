"""The kernels of one layer's feed-forward on one GPU, with what they read.

``tokens`` are those of one attention rank; the routed experts see the tokens of all ranks that share them.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np

from optimoe.arch.parts import PEER, DenseFFN, MatrixChain, MoE, NoFeedForward
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.arch.traffic import expected_routed_params
from optimoe.core.arrays import Values
from optimoe.core.errors import holds
from optimoe.cost.kernels.calls import HostRead, Roofline, RoutedExperts
from optimoe.cost.layers.machine import PLAIN, LayerKernel, Machine, formats


@singledispatch
def feed_forward(
    ffn: Any, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """The kernels of a feed-forward, which read ``weights``, ``experts``, or experts from the ``host``."""
    raise TypeError(type(ffn).__name__)


@feed_forward.register
def dense_feed_forward(
    ffn: DenseFFN, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """A dense feed-forward: up and gate as one product, down, a receptance; widths split over the GPUs."""
    width, matrices = ffn.d_ff / machine.tp, ffn.num_matrices
    yield from machine.products(tokens, (matrices - 1) * width, d_model, precisions, "dense_ffn")
    yield from machine.products(tokens, d_model, width, precisions, "dense_ffn")
    if ffn.receptance:
        yield from machine.products(tokens, d_model / machine.tp, d_model, precisions, "dense_ffn")


@feed_forward.register
def chained_matrices(
    ffn: MatrixChain, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """The product of each matrix, its outputs split over the GPUs."""
    for width, depth in ffn.products:
        yield from machine.products(tokens, width / machine.tp, depth, precisions, "dense_ffn")


@feed_forward.register
def no_feed_forward(
    ffn: NoFeedForward, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """A layer without a feed-forward launches no kernel."""
    yield from ()


@feed_forward.register
def routed_feed_forward(
    ffn: MoE, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """The router, the distinct experts that this rank's tokens touch, and the shared ones; latent projections.

    Shared experts run beside the routed ones: in one call with them (SGLang; ``--disable-shared-experts-fusion``
    is off), or on a stream of their own (vllm/model_executor/layers/fused_moe, SharedExpertsOrder;
    tensorrt_llm/_torch/models/modeling_deepseekv3.py, maybe_execute_in_parallel).
    """
    for width, depth in ffn.router_products(d_model):
        yield from machine.products(tokens, width, depth, precisions, "router")
    layout, spread = machine.layout, machine.spread(ffn, tokens)
    all_tokens = tokens * layout.attention_ranks
    experts = RoutedExperts(
        pairs=spread.pairs,
        distinct=spread.distinct,
        d_model=ffn.routed_width(d_model),
        width=ffn.d_expert / layout.expert_tp,
        num_experts=ffn.num_experts + layout.redundant_experts,
        top_k=ffn.mean_top_k,
        ep=layout.ep,
        # without DP attention every rank's buffers carry the rows of all tokens, its own experts' or not
        moved_pairs=np.where(np.asarray(layout.attention_ranks) > 1, spread.pairs, all_tokens * ffn.mean_top_k),
        matrices=ffn.num_matrices,
    )
    for precision, activations, share in formats(precisions, "routed_experts"):
        shape = replace(experts, activations=activations)
        yield LayerKernel(shape=shape, precision=precision, reads="experts", share=share)
    if not holds(np.asarray(layout.resident) == 1):
        values = spread.missing * experts.matrices * experts.d_model * experts.width
        read = HostRead(num_bytes=precisions.bytes_per_value("routed_experts") * values)
        yield LayerKernel(shape=read, precision=precisions.routed_experts, reads="host")
    if np.any(ffn.num_shared_experts):
        width, matrices = ffn.num_shared_experts * ffn.d_shared / machine.tp, ffn.num_matrices
        some = np.asarray(ffn.num_shared_experts) > 0  # designs of a grid that have none launch nothing
        for columns, depth in (((matrices - 1) * width, d_model), (d_model, width)):
            for product in machine.products(tokens, columns, depth, precisions, "shared_experts"):
                yield replace(product, beside=True, share=product.share * some)
    if np.any(ffn.d_latent):
        yield from machine.products(tokens, ffn.d_latent, d_model, precisions, "shared_experts")
        yield from machine.products(tokens, d_model, ffn.d_latent, precisions, "shared_experts")


@feed_forward.register
def product_key_feed_forward(
    ffn: PEER, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """Product-key retrieval: queries and keys as products; a gather of two-vector experts as a roofline."""
    if np.any(ffn.d_key):
        yield from machine.products(tokens, ffn.num_heads * ffn.d_key, d_model, precisions, "router")
    depth = ffn.d_key / 2 + (ffn.d_key == 0) * d_model
    yield from machine.products(tokens, ffn.num_heads * 2 * ffn.num_keys, depth, precisions, "router")
    precision, active = precisions.routed_experts, ffn.matrix_params(d_model)["routed_experts_active"]
    read = precisions.bytes_per_value("routed_experts") * expected_routed_params(ffn, d_model, tokens) / machine.tp
    retrieval = Roofline(
        flops=2 * tokens * active / machine.tp, num_bytes=read, shares_of="experts", launch_of="experts"
    )
    yield LayerKernel(shape=retrieval, precision=precision, reads="experts")
