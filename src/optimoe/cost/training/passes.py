"""Seconds of the kernels of one micro-batch on one GPU, forward and backward, through all layers."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import Attention, LatentAttention, Mixer
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.grid import add
from optimoe.cost.kernels.curve import find_curve
from optimoe.cost.kernels.families.small import small_s
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.launches import launches
from optimoe.cost.layers.parts.mixers import expanded_head_dim, prefill_mixing, prompt_attention
from optimoe.cost.layers.sizes import LayerSizes, layer_sizes
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.products import Products
from optimoe.cost.training.setup import TrainSetup

FLASH_BACKWARD = 2.5
"""FLOPs of FlashAttention-2's backward over its forward: five products for two (arXiv 2307.08691, Sec. 4.1)."""

UNFUSED_BACKWARD = 2.0
"""FLOPs of an unfused backward over its forward, scores not computed again: four products for two."""

SCORE_BYTES_FORWARD, SCORE_BYTES_BACKWARD = 13, 19
"""Bytes per score of unfused attention in 16 bit with dropout. Forward: scores written (2), softmax read and
written (4), dropout read, written, mask (5), read by the product with the values (2). Backward: read for the
values' gradient (2), the scores' gradient written (2), dropout (5), softmax (6), read for queries and keys (4).
Without dropout they are fewer: an upper estimate."""

LOGIT_BYTES = 4
"""Losses are taken from logits in fp32, which are read and written once (a lower estimate)."""

ELEMENTWISE_BACKWARD = 2.0
"""Bytes of norms and activations backward over forward: the gradient beside the saved input (derived)."""


@dataclass(frozen=True, kw_only=True)
class PassTime:
    """Seconds of a pass of one micro-batch through all layers, by family of kernels; ``logits_s`` beside them."""

    products_s: Values
    experts_s: Values
    attention_s: Values
    elementwise_s: Values
    logits_s: Values

    @property
    def layers_s(self) -> Values:
        """Seconds of all layers, without the logits."""
        return self.products_s + self.experts_s + self.attention_s + self.elementwise_s

    @property
    def total_s(self) -> Values:
        """Seconds of layers and logits together."""
        return self.layers_s + self.logits_s

    def __add__(self, other: "PassTime") -> "PassTime":
        return add(self, other)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A micro-batch of one rank, in sequences and their tokens."""

    sequences: Values
    seq_len: Values

    @property
    def tokens(self) -> Values:
        """Tokens of all sequences of the micro-batch."""
        return self.sequences * self.seq_len


def forward_pass(
    machine: Machine, arch: ArchSpec, products: Products, batch: Batch, layout: TrainLayout, setup: TrainSetup
) -> PassTime:
    """Seconds of one micro-batch through all layers, and of its logits."""
    return PassTime(
        **_products_s(machine, products),
        attention_s=_mixing_s(machine, arch, batch, setup, backward=False),
        elementwise_s=_between_s(machine, arch, batch, layout, setup),
    )


def backward_pass(
    machine: Machine, arch: ArchSpec, products: Products, batch: Batch, layout: TrainLayout, setup: TrainSetup
) -> PassTime:
    """Seconds of the gradients of inputs and of weights, without anything that is computed again."""
    of_inputs = _products_s(machine, products.for_inputs())
    of_weights = _products_s(machine, products.for_weights())
    return PassTime(
        **{name: of_inputs[name] + of_weights[name] for name in of_inputs},
        attention_s=_mixing_s(machine, arch, batch, setup, backward=True),
        elementwise_s=ELEMENTWISE_BACKWARD * _between_s(machine, arch, batch, layout, setup),
    )


def recomputed_s(
    machine: Machine, arch: ArchSpec, batch: Batch, layout: TrainLayout, setup: TrainSetup, forward: PassTime
) -> Values:
    """Seconds of what the backward pass computes again: all layers; or, selectively, what is cheap.

    Selective with unfused attention: the scores (arXiv 2205.05198, Sec. 5). With a flash kernel, which does so
    anyway: norms and activations (as DeepSeek-V3 does with norms, arXiv 2412.19437, Sec. 3.2.3).
    """
    if setup.attention == "unfused":
        cheap_s = forward.attention_s
    else:
        cheap_s = _between_s(machine, arch, batch, layout, setup, recomputed=True)
    return np.where(layout.full_recompute, forward.layers_s, np.where(layout.selective_recompute, cheap_s, 0.0))[
        ()
    ]


def _products_s(machine: Machine, products: Products) -> dict[str, Values]:
    """Seconds of the products, the experts and the logits of one pass."""
    products_s: Values = 0.0
    experts_s: Values = 0.0
    for times, kernel in products.layers:
        seconds = times * machine.time(kernel).total_s
        if kernel.reads == "experts":
            experts_s = experts_s + seconds
        else:
            products_s = products_s + seconds
    logits_s = machine.time(products.logits).total_s
    return {"products_s": products_s, "experts_s": experts_s, "logits_s": logits_s}


def _mixing_s(machine: Machine, arch: ArchSpec, batch: Batch, setup: TrainSetup, *, backward: bool) -> Values:
    """Seconds of token mixing in all layers."""
    return sum(
        group.num_layers * _attention_s(machine, member, arch.d_model, batch, setup, backward=backward)
        for group in arch.layers
        for member in group.mixer.members
    )


def _between_s(
    machine: Machine,
    arch: ArchSpec,
    batch: Batch,
    layout: TrainLayout,
    setup: TrainSetup,
    *,
    recomputed: bool = False,
) -> Values:
    """Seconds of what lies between the products of all layers: at the data sheet's bandwidth, or as measured here.

    A machine that was measured itself has a curve for it: a launch for each operator of a pass, and the bytes,
    those of the logits among them, at the rate that a whole step was seen to reach.
    """
    moved = sum(
        sizes.num_layers * elementwise_bytes(sizes, layout, setup, recomputed=recomputed)
        for sizes in layer_sizes(arch)
    )
    own = machine.gpu.curve("training", setup.precision)
    if own is None:
        return batch.tokens * moved / machine.gpu.memory_bytes_per_s
    width = bytes_per_value(setup.precision) / bytes_per_value("bf16")
    logits = 0 if recomputed else 2 * LOGIT_BYTES * arch.logits
    num_bytes, calls = batch.tokens * (width * moved + logits), launches(machine, arch)
    return small_s(machine.gpu, calls, num_bytes, own).total_s


def _attention_s(
    machine: Machine, mixer: Mixer, d_model: Values, batch: Batch, setup: TrainSetup, *, backward: bool
) -> Values:
    """Seconds of mixing in one layer; recurrent mixers run their prefill roofline, backward twice."""
    if not isinstance(mixer, Attention | LatentAttention):
        kernels = prefill_mixing(mixer, machine, d_model, batch.seq_len)
        return (
            batch.sequences * sum(machine.time(kernel).total_s for kernel in kernels) * (2.0 if backward else 1.0)
        )
    if setup.attention == "unfused":
        return _unfused_s(machine, mixer, batch, backward=backward)
    return _flash_s(machine, mixer, batch) * (FLASH_BACKWARD if backward else 1.0)


def _flash_s(machine: Machine, mixer: Attention | LatentAttention, batch: Batch) -> Values:
    """Seconds of causal attention over a micro-batch's sequences; an indexer's selection sees its ``top_k``."""
    if isinstance(mixer, Attention):
        window, chunked = mixer.most_attended, mixer.chunked
    else:
        window, chunked = mixer.most_attended, False
    seen = attended(batch.seq_len, window, "prefill", chunked)
    shape = prompt_attention(mixer, machine, requests=batch.sequences, length=batch.seq_len, seen=seen)
    return machine.time(machine.mixing(shape)).total_s


def _unfused_s(machine: Machine, mixer: Attention | LatentAttention, batch: Batch, *, backward: bool) -> Values:
    """Seconds of two batched products over the whole square of scores, and of the scores' way through memory.

    FLOPs 4·d_h·h·s per token (backward twice), at the share of products; bytes per score as above. Derived.
    """
    head_dim = mixer.mean_dim if isinstance(mixer, Attention) else expanded_head_dim(mixer)
    curve = find_curve("gemm", "bf16", machine.gpu)
    scores = batch.tokens * batch.seq_len * mixer.num_heads / machine.tp
    flops = 4 * scores * (head_dim + curve.half_fill) * (UNFUSED_BACKWARD if backward else 1.0)
    moved = scores * (SCORE_BYTES_BACKWARD if backward else SCORE_BYTES_FORWARD)
    arithmetic_s = flops / (machine.gpu.flops_per_s("bf16") * curve.compute_share)
    return arithmetic_s + moved / (machine.gpu.memory_bytes_per_s * curve.memory_share)


def elementwise_bytes(sizes: LayerSizes, layout: TrainLayout, setup: TrainSetup, *, recomputed: bool) -> Values:
    """Bytes per token and layer, forward, of what lies between the products, in 16 bit.

    Norms with their residuals 4·d values each (and 5 bytes per value of dropout, twice), and several streams their
    own, split by tokens with sequence parallelism; mixer columns and the dense feed-forward's m·f, split by width.
    Routed experts move theirs within their call. Of these the ``recomputed`` are norms and the activation.
    """
    if recomputed:
        # read and written once, the residual left out: 2 of the 4 values of a norm
        return 2 * (2 * sizes.norm_values / layout.sequence_shards + sizes.dense_hidden / layout.tp)
    moved = 2 * (4 * sizes.norm_values + sizes.stream_values)
    norms = (moved + 2 * 5 * setup.dropout * sizes.d_model) / layout.sequence_shards
    return norms + 2 * (sizes.mixer_columns + sizes.dense_hidden) / layout.tp
