"""Seconds of the kernels of one micro-batch on one GPU, forward and backward, through all layers.

The backward pass of a product out[M, N] = in[M, K]·w[K, N] is two products of as many FLOPs: the input's gradient
[M, N]·[N, K] and the weight's gradient [K, M]·[M, N]. Each runs at the efficiency of its own shape.
"""

from dataclasses import dataclass, fields

import numpy as np

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, DenseFFN, LatentAttention, Mixer
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.arrays import Values
from optimoe.cost.kernels.attention import prefill_attention_s
from optimoe.cost.kernels.curve import KernelTime, find_curve
from optimoe.cost.kernels.gemm import gemm_s
from optimoe.cost.layers.feedforward import feed_forward
from optimoe.cost.layers.machine import PLAIN_PRECISION, Machine
from optimoe.cost.layers.mixers import prefill_mixing, projections
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import TrainSetup

FLASH_BACKWARD = 2.5
"""FLOPs of FlashAttention-2's backward over its forward: five products for two (arXiv 2307.08691, Sec. 4.1)."""

UNFUSED_BACKWARD = 2.0
"""The same without recomputed scores: four products for two."""

SCORE_BYTES_FORWARD, SCORE_BYTES_BACKWARD = 13, 19
"""Bytes per score of unfused attention in 16 bit with dropout. Forward: scores written (2), softmax read and
written (4), dropout read, written, mask (5), read by the product with the values (2). Backward: read for the
values' gradient (2), the scores' gradient written (2), dropout (5), softmax (6), read for queries and keys (4).
Without dropout they are fewer: an upper estimate."""

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
        """All layers, without the logits."""
        return self.products_s + self.experts_s + self.attention_s + self.elementwise_s

    @property
    def total_s(self) -> Values:
        """Layers and logits."""
        return self.layers_s + self.logits_s

    def __add__(self, other: "PassTime") -> "PassTime":
        return PassTime(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class InputGradient(Machine):
    """The machine while it computes gradients of inputs."""

    def product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """[M, N]·[N, K]: width and depth change places."""
        return gemm_s(self.gpu, self.execution.precision, tokens, depth, width)

    def plain_product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """The same in bf16."""
        return gemm_s(self.gpu, PLAIN_PRECISION, tokens, depth, width)


@dataclass(frozen=True, kw_only=True)
class WeightGradient(Machine):
    """The machine while it computes gradients of weights."""

    def product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """[K, M]·[M, N]: the tokens are what is summed over."""
        return gemm_s(self.gpu, self.execution.precision, depth, width, tokens)

    def plain_product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """The same in bf16."""
        return gemm_s(self.gpu, PLAIN_PRECISION, depth, width, tokens)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A micro-batch of one rank."""

    sequences: Values
    seq_len: Values

    @property
    def tokens(self) -> Values:
        """Of all its sequences."""
        return self.sequences * self.seq_len


def forward_pass(
    machine: Machine, arch: ArchSpec, batch: Batch, layout: TrainLayout, setup: TrainSetup
) -> PassTime:
    """One micro-batch through all layers, and its logits."""
    return PassTime(
        **_products(machine, arch, batch.tokens),
        attention_s=_mixing_s(machine, arch, batch, setup, backward=False),
        elementwise_s=_between_s(machine, arch, batch, layout, setup),
    )


def backward_pass(
    machine: Machine, arch: ArchSpec, batch: Batch, layout: TrainLayout, setup: TrainSetup
) -> PassTime:
    """Gradients of inputs and of weights, without anything that is computed again."""
    gpu, split, execution = machine.gpu, machine.layout, machine.execution
    of_inputs = _products(InputGradient(gpu=gpu, layout=split, execution=execution), arch, batch.tokens)
    of_weights = _products(WeightGradient(gpu=gpu, layout=split, execution=execution), arch, batch.tokens)
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


def _products(machine: Machine, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
    """Products, experts and logits of one pass on a machine."""
    products_s: Values = 0.0
    experts_s: Values = 0.0
    for group in arch.layers:
        for kernel in projections(group.mixer, machine, arch.d_model, tokens):
            products_s = products_s + group.num_layers * kernel.total_s
        for ffn in (group.ffn, group.residual):
            for cause, kernel in feed_forward(ffn, machine, arch.d_model, tokens) if ffn else ():
                if cause == "experts":
                    experts_s = experts_s + group.num_layers * kernel.total_s
                else:
                    products_s = products_s + group.num_layers * kernel.total_s
    logits = machine.plain_product(tokens, arch.vocab_size / machine.tp, arch.d_model)
    return {"products_s": products_s, "experts_s": experts_s, "logits_s": logits.total_s}


def _mixing_s(machine: Machine, arch: ArchSpec, batch: Batch, setup: TrainSetup, *, backward: bool) -> Values:
    """Token mixing of all layers."""
    return sum(
        group.num_layers * _attention_s(machine, group.mixer, arch.d_model, batch, setup, backward=backward)
        for group in arch.layers
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
    """What lies between the products of all layers, at the data sheet's bandwidth."""
    moved = sum(
        group.num_layers * elementwise_bytes(group, arch.d_model, layout, setup, recomputed=recomputed)
        for group in arch.layers
    )
    return batch.tokens * moved / machine.gpu.memory_bytes_per_s


def _attention_s(
    machine: Machine, mixer: Mixer, d_model: Values, batch: Batch, setup: TrainSetup, *, backward: bool
) -> Values:
    """Mixing of one layer; recurrent mixers run their prefill roofline, backward twice."""
    if not isinstance(mixer, Attention | LatentAttention):
        kernels = prefill_mixing(mixer, machine, d_model, batch.seq_len)
        return batch.sequences * sum(kernel.total_s for kernel in kernels) * (2.0 if backward else 1.0)
    if setup.attention == "unfused":
        return _unfused_s(machine, mixer, batch, backward=backward)
    kernel = _flash(machine, mixer, batch)
    return kernel.total_s * (FLASH_BACKWARD if backward else 1.0)


def _flash(machine: Machine, mixer: Attention | LatentAttention, batch: Batch) -> KernelTime:
    """Causal attention over the sequences of a micro-batch; an indexer's selection sees its ``top_k``."""
    heads = mixer.num_heads / machine.tp
    head_dim: Values
    if isinstance(mixer, Attention):
        kv_heads, head_dim = mixer.num_kv_heads / machine.head_shards(mixer.num_kv_heads), mixer.head_dim
        window, chunked = mixer.window_tokens, mixer.chunked
    else:
        kv_heads, head_dim = heads, (mixer.qk_nope_dim + mixer.qk_rope_dim + mixer.v_dim) / 2
        window, chunked = mixer.indexer.top_k if mixer.indexer else UNLIMITED_WINDOW, False
    seen = attended(batch.seq_len, window, "prefill", chunked)
    return prefill_attention_s(machine.gpu, batch.sequences, heads, kv_heads, head_dim, batch.seq_len, seen)


def _unfused_s(machine: Machine, mixer: Attention | LatentAttention, batch: Batch, *, backward: bool) -> Values:
    """Two batched products over the whole square of scores, and the scores' way through memory.

    FLOPs 4·d_h·h·s per token (backward twice), at the share of products; bytes per score as above. Derived.
    """
    head_dim = (
        mixer.head_dim
        if isinstance(mixer, Attention)
        else (mixer.qk_nope_dim + mixer.qk_rope_dim + mixer.v_dim) / 2
    )
    curve = find_curve("gemm", "bf16", machine.gpu)
    scores = batch.tokens * batch.seq_len * mixer.num_heads / machine.tp
    flops = 4 * scores * (head_dim + curve.half_fill) * (UNFUSED_BACKWARD if backward else 1.0)
    moved = scores * (SCORE_BYTES_BACKWARD if backward else SCORE_BYTES_FORWARD)
    arithmetic_s = flops / (machine.gpu.flops_per_s("bf16") * curve.compute_share)
    return arithmetic_s + moved / (machine.gpu.memory_bytes_per_s * curve.memory_share)


def elementwise_bytes(
    group: LayerGroup, d_model: Values, layout: TrainLayout, setup: TrainSetup, *, recomputed: bool
) -> Values:
    """Bytes per token and layer, forward, of what lies between the products, in 16 bit.

    Norms with their residuals 4·d values each (and 5 bytes per value of dropout, twice), split by tokens with
    sequence parallelism; mixer columns and the dense feed-forward's m·f, split by width. Routed experts move
    theirs within their call. Of these the ``recomputed`` are norms and the activation.
    """
    hidden: Values = group.ffn.num_matrices * group.ffn.d_ff if isinstance(group.ffn, DenseFFN) else 0
    if recomputed:
        return 2 * (2 * group.num_norms * d_model / layout.sequence_shards + hidden / layout.tp)
    norms = (2 * 4 * group.num_norms + 2 * 5 * setup.dropout) * d_model / layout.sequence_shards
    return norms + 2 * (group.mixer.matrix_params(d_model) / d_model + hidden) / layout.tp
