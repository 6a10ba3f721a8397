"""Bytes of a model's weights on one GPU: what its kernels read, each part in its own format."""

import numpy as np

from optimoe.arch.params import around_params, count_params, end_norm_params, last_streams_params
from optimoe.arch.parts import MoE
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.arrays import Values
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.mixers import projections
from optimoe.cost.layers.sizes import deepest_stage_share

WIDTH_MULTIPLE = 256
"""Widths of mxfp4 experts are rounded up to it."""


def weights_per_gpu(machine: Machine, arch: ArchSpec) -> Values:
    """Bytes of the weights of a model, as it is served, on the fullest GPU, each part in its own format.

    The layers of :func:`layer_weights`, over the stages, the deepest of which holds
    ⌈layers/pp⌉ of them; the ends over tp, the embedding in the first stage and the unembedding in the last.
    """
    layers: Values = 0.0
    for group in arch.layers:
        layers = layers + group.num_stored * sum(layer_weights(machine, arch, group).values())
    return deepest_stage_share(arch, machine.layout.pp) * layers + _ends(machine, arch)


def padding_bytes(machine: Machine, arch: ArchSpec) -> Values:
    """Bytes that engines load beyond a checkpoint's: mxfp4 experts whose width is no multiple of 256 are widened.

    Σ routed experts of mxfp4 · (⌈w/256⌉·256/w − 1), w the width that experts work on. Source: vLLM,
    model_executor/layers/fused_moe/layer.py (maybe_roundup_sizes); a log of gpt-oss-120b has 64.38 GiB, 0.3 %
    below. Kernels are timed on the width itself.
    """
    padding: Values = 0.0
    for group in arch.layers:
        if isinstance(group.ffn, MoE) and group.precisions.of("routed_experts") == "mxfp4":
            width = group.ffn.d_latent or arch.d_model
            beyond = np.ceil(width / WIDTH_MULTIPLE) * WIDTH_MULTIPLE / width - 1
            padding = padding + group.num_stored * beyond * layer_weights(machine, arch, group)["routed_experts"]
    return deepest_stage_share(arch, machine.layout.pp) * padding


def _ends(machine: Machine, arch: ArchSpec) -> Values:
    """Bytes of embedding, unembedding, the norms beside the layers and the last sum of streams on one GPU.

    What is tied stands in the first and last stage, which is taken to be the fullest
    too: an upper estimate by at most one end.
    """
    params, ends, pp = count_params(arch), arch.precisions, np.asarray(machine.layout.pp)
    first = ends.bytes_per_value("embedding") * params.embedding
    last = ends.bytes_per_value("unembedding") * params.unembedding
    held = np.where(pp > 1, np.maximum(first, last), first + last) / machine.tp
    beside = end_norm_params(arch) + last_streams_params(arch)
    return held + bytes_per_value("bf16") * beside


def draft_weights(machine: Machine, arch: ArchSpec) -> Values:
    """Bytes of the layer that drafts tokens: one like the last, and a projection 2d → d.

    What multi-token prediction takes (DeepSeek-V3, arXiv 2412.19437, Sec. 2.2), in the formats of the last
    layer, its projection like the attention's; a model without takes a draft of that size (by assumption).
    """
    last = arch.layers[-1]
    joined = last.precisions.bytes_per_value("attention") * 2 * arch.d_model**2
    return sum(layer_weights(machine, arch, last).values()) + joined


def layer_weights(machine: Machine, arch: ArchSpec, group: LayerGroup) -> dict[str, Values]:
    """Bytes of one layer of a group on one GPU, by part.

    Σ over parts of values on this GPU · bytes of a value of that part, its exceptions included. Projections
    lie as their products run: split over tp, key-value heads over no more GPUs than there are heads, MLA's
    latents and the indexer whole. Dense and shared feed-forwards are split over tp, routed experts over the
    group, with their copies, as far as they are resident; experts of heads over tp. Norms, what mixes
    streams, biases, the router and the projections around latent experts are whole on every GPU, as engines
    keep them (vLLM's ReplicatedLinear; biases that engines split are counted whole: below a thousandth).

    Args:
        machine: The GPUs and the layout; may hold arrays.
        arch: The model as it is served.
        group: Layers of it.
    """
    d, precisions = arch.d_model, group.precisions
    products = [kernel.shape for kernel in projections(group.mixer, machine, d, 1)]
    mixer = sum(shape.width * shape.depth for shape in products if isinstance(shape, Gemm))
    vectors = group.mixer.vector_params(d)
    held: dict[str, Values] = {"attention": mixer, **_feed_forward_values(machine, d, group)}
    held["routed_experts"] += group.mixer.params_by_part(d).get("routed_experts", 0) / machine.tp
    sizes = {part: precisions.bytes_per_value(part) * values for part, values in held.items()}
    streams = 0 if group.streams is None else group.streams.params(d)
    whole = vectors + around_params(arch, group) + streams
    return sizes | {"norms": bytes_per_value("bf16") * whole}


def _feed_forward_values(machine: Machine, d_model: Values, group: LayerGroup) -> dict[str, Values]:
    """Values of the feed-forwards of one layer on one GPU, by part."""
    layout, ffn = machine.layout, group.ffn
    params = ffn.params(d_model)
    held = {
        "router": params.get("router", 0),
        "dense_ffn": params.get("dense_ffn", 0) / machine.tp,
        "routed_experts": params.get("routed_experts", 0) / layout.group * layout.resident,
    }
    if isinstance(ffn, MoE):
        held["routed_experts"] = held["routed_experts"] * (1 + layout.redundant_experts / ffn.num_experts)
        # the gate of the shared experts, and the projections to and from a latent width
        whole = ffn.shared_gate * d_model + 2 * d_model * ffn.d_latent
        held["shared_experts"] = (params["shared_experts"] - whole) / machine.tp + whole
    for dense in group.also_dense:
        held["dense_ffn"] = held["dense_ffn"] + dense.params(d_model)["dense_ffn"] / machine.tp
    return held
