"""What the memory of one GPU holds while training, part by part; the fullest stage counts."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.params import count_params, count_read_again
from optimoe.arch.parts import Attention, CausalConvolution, DenseFFN, LatentAttention, MatrixChain, Mixer, MoE
from optimoe.arch.residual.streams import PARTS
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.arch.traffic import all_reduces
from optimoe.core.arrays import Flags, Values
from optimoe.core.units import format_bytes
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import LayerSizes, layer_sizes
from optimoe.cost.training.layout import TrainLayout, num_micro_batches, pipeline_stages
from optimoe.cost.training.setup import OPTIMIZER_BYTES, WEIGHT_BYTES, TrainSetup, training_fact

VALUE_BYTES, MASK_BYTES, LOGIT_BYTES, STATISTIC_BYTES = 2, 1, 4, 4
"""Activations are kept in 16 bit, dropout masks in a byte; logits and a softmax's statistics in fp32
(arXiv 2205.05198, Sec. 4)."""

UNFUSED_SCORE_BYTES, UNFUSED_SCORE_BYTES_WITH_DROPOUT = 2, 5
"""Bytes kept per score: the softmax; with dropout also its output and mask (arXiv 2205.05198, Sec. 4.1)."""


@dataclass(frozen=True, kw_only=True)
class StageParams:
    """Parameters of one GPU, before anything is shared over data-parallel ranks.

    Attributes:
        common: All but the routed experts: copied on every data-parallel rank.
        experts: Routed experts: copied on every replica of the group that holds them once.
        layer: The largest part of a layer, which ZeRO 3 gathers at a time.
        passes: How often a micro-batch passes the mean parameter: 1, more where layers share weights.
    """

    common: Values
    experts: Values
    layer: Values
    passes: Values


@dataclass(frozen=True, kw_only=True)
class TrainMemory:
    """Bytes of one GPU, the fullest of all stages.

    Attributes:
        weights: In 16 bit, and with ZeRO 3 two layers that are gathered.
        gradients: Of its parameters.
        optimizer: fp32 master weights and two moments.
        activations: Of all micro-batches in flight, kept for the backward pass, and the logits.
        usable: Of the device memory.
    """

    weights: Values
    gradients: Values
    optimizer: Values
    activations: Values
    usable: Values

    @property
    def total(self) -> Values:
        """Bytes that one GPU needs, of all parts."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def fits(self) -> Flags:
        """Whether the parts fit the memory that a trainer can use."""
        return np.asarray(self.total <= self.usable)[()]

    @property
    def largest(self) -> str:
        """The part that takes most bytes, of a single layout."""
        return max(("weights", "gradients", "optimizer", "activations"), key=lambda name: getattr(self, name))

    def short(self) -> str:
        """How many bytes are missing, in words, of a single layout."""
        missing = format_bytes(float(self.total - self.usable))
        part = format_bytes(float(getattr(self, self.largest)))
        return f"{missing} short of {format_bytes(float(self.total))} (most: {self.largest}, {part})"


def stage_params(arch: ArchSpec, layout: TrainLayout) -> tuple[StageParams, StageParams, StageParams]:
    """Parameters of one GPU in the first, a middle and the last stage; the first embeds, the last unembeds.

    Everything but the routed experts is split over tp; these over the group, ``max(tp, ep)``. Every layer counts
    as the mean one of those that store weights; what several read is there once, with its gradients and states.
    Without a pipeline all three are the one stage. Tied embeddings stand at both ends of a pipeline.
    """
    params, tp, pp = count_params(arch), np.asarray(layout.tp), np.asarray(layout.pp)
    stages, layers = pipeline_stages(arch, layout), np.asarray(arch.num_layers)
    common = (params.nonembedding - params.routed_experts) / tp
    experts = params.routed_experts / layout.parts.group
    both = (params.embedding + params.unembedding) / tp
    start, end = params.embedding / tp, np.maximum(params.embedding, params.unembedding) / tp
    stored = sum(group.num_stored for group in arch.layers)
    layer = np.maximum((common + experts) / stored, np.where(pp > 1, end, both))

    passes = 1 + count_read_again(arch) / params.total

    def of(deep: Values, edge: Values) -> StageParams:
        """A stage of so many layers, with a table beside them."""
        held = deep / layers * common + edge
        return StageParams(common=held, experts=deep / layers * experts, layer=layer, passes=passes)

    first, last = np.where(pp > 1, start, both), np.where(pp > 1, end, both)
    return of(stages.first, first), of(stages.middle, np.where(pp > 1, 0.0, both)), of(stages.last, last)


def most_params(arch: ArchSpec, layout: TrainLayout) -> StageParams:
    """Parameters of one GPU, of each kind those of the stage that holds most."""
    first, middle, last = stage_params(arch, layout)
    between = np.asarray(layout.pp) > 2
    common = np.maximum(np.maximum(first.common, last.common), np.where(between, middle.common, 0.0))
    experts = np.maximum(np.maximum(first.experts, last.experts), np.where(between, middle.experts, 0.0))
    return StageParams(common=common, experts=experts, layer=first.layer, passes=first.passes)


def train_memory(
    machine: Machine,
    arch: ArchSpec,
    layout: TrainLayout,
    setup: TrainSetup,
    *,
    sequences: Values,
    seq_len: Values,
) -> TrainMemory:
    """Bytes of one GPU of the fullest stage: states by ZeRO (arXiv 1910.02054, Sec. 5), and activations."""
    usable = machine.gpu.memory_bytes * training_fact("usable_memory")
    kept = activation_bytes(machine, arch, layout, setup, sequences, seq_len)
    first, middle, last = (
        _stage_memory(params, layout, setup, bytes_kept, usable)
        for params, bytes_kept in zip(stage_params(arch, layout), kept, strict=True)
    )
    fullest = _fuller(first, last, np.asarray(layout.pp) > 1)
    return _fuller(fullest, middle, np.asarray(layout.pp) > 2)


def _stage_memory(
    params: StageParams, layout: TrainLayout, setup: TrainSetup, activations: Values, usable: Values
) -> TrainMemory:
    """Bytes of one GPU of a stage with these parameters and activations."""
    replicas, dp = layout.parts.replicas, layout.dp

    def kept(stage: int) -> Values:
        """Parameters that one GPU keeps of a state which ZeRO shares from ``stage`` on."""
        common = params.common / layout.shared_over_dp(stage, dp)
        return common + params.experts / layout.shared_over_dp(stage, replicas)

    gathered = np.where(np.asarray(layout.zero) == 3, 2 * params.layer, 0.0)
    return TrainMemory(
        weights=WEIGHT_BYTES * np.minimum(kept(3) + gathered, params.common + params.experts),
        gradients=setup.gradient_bytes * kept(2),
        optimizer=OPTIMIZER_BYTES * kept(1),
        activations=activations,
        usable=usable,
    )


def _fuller(one: TrainMemory, other: TrainMemory, there: Flags) -> TrainMemory:
    """The memory of one stage, or of another where that is ``there`` and holds more."""
    more = there & (other.total > one.total)
    parts = {
        part: np.where(more, getattr(other, part), getattr(one, part))[()]
        for part in ("weights", "gradients", "optimizer", "activations")
    }
    return TrainMemory(**parts, usable=one.usable)


def activation_bytes(
    machine: Machine, arch: ArchSpec, layout: TrainLayout, setup: TrainSetup, sequences: Values, seq_len: Values
) -> tuple[Values, Values, Values]:
    """Bytes kept for the backward pass on a GPU of the first, the second and the last stage.

    Stage i, from 0, of 1F1B keeps min(m, pp − i) micro-batches of its layers; interleaved, one chunk of its v
    each, min(m·v, (v − 1)·pp + 2·(pp − i) − 1), which for the first is pp·(1 + (pp − 1)/(pp·v)) micro-batches
    (arXiv 2205.05198, Sec. 4.2.3). The last adds the logits with their gradient in fp32, V/tp values per token.
    Full recomputation keeps the layers' inputs, and one layer.
    """
    pp, chunks = np.asarray(layout.pp), np.asarray(layout.interleave)
    micro = num_micro_batches(layout, sequences)
    tokens = np.asarray(layout.micro_batch) * seq_len
    kept: Values = 0.0
    widest: Values = 0.0
    for group, sizes in zip(arch.layers, layer_sizes(arch), strict=True):
        layer = layer_bytes_per_token(machine, group, sizes, layout, setup, seq_len, tokens)
        entry = VALUE_BYTES * arch.d_model / layout.sequence_shards
        kept = kept + group.num_layers * np.where(layout.full_recompute, np.minimum(entry, layer), layer)
        widest = np.maximum(widest, layer)
    again, each = np.where(layout.full_recompute, widest, 0.0), kept / arch.num_layers
    stages = pipeline_stages(arch, layout)

    def of(deep: Values, stage: Values, beside: Values) -> Values:
        """Bytes of a stage of so many layers."""
        flying = np.where(chunks > 1, ((chunks - 1) * pp + 2 * (pp - stage) - 1) / chunks, pp - stage)
        return tokens * (deep * each * np.minimum(micro, flying) + again + beside)

    logits = _logit_bytes(arch, layout)
    first = of(stages.first, 0, np.where(pp > 1, 0.0, logits))
    return first, of(stages.middle, np.minimum(1, pp - 1), 0.0), of(stages.last, pp - 1, logits)


def _logit_bytes(arch: ArchSpec, layout: TrainLayout) -> Values:
    """Bytes per token of logits in fp32 with their gradient, and of the last norm's input and output."""
    logits = 2 * LOGIT_BYTES * arch.logits / np.asarray(layout.tp)
    return logits + 2 * VALUE_BYTES * arch.d_model / layout.sequence_shards


def layer_bytes_per_token(
    machine: Machine,
    group: LayerGroup,
    sizes: LayerSizes,
    layout: TrainLayout,
    setup: TrainSetup,
    seq_len: Values,
    tokens: Values,
) -> Values:
    """Bytes per token that one layer keeps.

    Generalises Korthikanti 2022 (arXiv 2205.05198, Eq. 1 to 4): for a plain transformer with dropout and
    unfused attention it is d·(10 + 24/t + 5·h·s/(d·t)), with sequence parallelism d·(34 + 5·h·s/d)/t. Inputs of
    norms and products, and masks, 2·norms·d + 4·d (+ 2·d), and all streams before each part where the residual has
    several, are split by tokens; queries, keys, values, the attention's output and hidden values by width.
    Selective recomputation drops the scores; with a flash kernel the norms' outputs, the activation's and what
    latent attention expands. fp8 products could keep their inputs in one byte; two are counted: an upper estimate.
    """
    shards, tp = layout.sequence_shards, layout.tp
    selective = layout.selective_recompute
    parts = all_reduces(group)
    inputs = parts * VALUE_BYTES * sizes.d_model  # of the mixer and of the feed-forward: the norms' outputs
    streams = 0 if group.streams is None else PARTS * group.streams.num_streams * sizes.d_model
    whole = VALUE_BYTES * (sizes.norm_values + streams) + 2 * MASK_BYTES * setup.dropout * sizes.d_model
    of_members = [_mixer_bytes(machine, member, sizes, setup, seq_len) for member in group.mixer.members]
    mixer, expanded, scores = (sum(kept[place] for kept in of_members) for place in range(3))
    hidden, activation = _hidden_bytes(machine, group, tokens, sizes.d_model)
    if setup.attention == "unfused":
        scores = np.where(selective, 0.0, scores)
    else:
        inputs, activation, expanded = (np.where(selective, 0.0, part) for part in (inputs, activation, expanded))
    return (whole + inputs) / shards + (mixer + expanded + scores) / tp + hidden + activation


def _mixer_bytes(
    machine: Machine, mixer: Mixer, sizes: LayerSizes, setup: TrainSetup, seq_len: Values
) -> tuple[Values, Values, Values]:
    """Bytes of one token over all of tp: what the mixer keeps, what it expands of latents, and its scores.

    A flash kernel keeps one statistic per head instead of scores. A recurrent mixer keeps its columns; its
    states at chunk borders are left out (a lower estimate).
    """
    if isinstance(mixer, CausalConvolution):
        return VALUE_BYTES * mixer.channels, 0.0, 0.0
    if not isinstance(mixer, Attention | LatentAttention):
        return VALUE_BYTES * sizes.mixer_columns, 0.0, 0.0
    if setup.attention == "unfused":
        each = UNFUSED_SCORE_BYTES_WITH_DROPOUT if setup.dropout else UNFUSED_SCORE_BYTES
        scores = each * mixer.num_heads * seq_len
    else:
        scores = STATISTIC_BYTES * mixer.num_heads
    if isinstance(mixer, Attention):
        copies = np.asarray(machine.tp) / machine.head_shards(mixer.num_kv_heads)
        heads = 2 * mixer.num_heads + 2 * mixer.key_heads * copies
        return VALUE_BYTES * (heads * mixer.head_dim + mixer.gate_values), 0.0, scores
    latents = (mixer.q_lora_rank + mixer.kv_lora_rank + mixer.qk_rope_dim) * np.asarray(machine.tp)
    expanded = mixer.num_heads * (2 * (mixer.qk_nope_dim + mixer.qk_rope_dim) + mixer.v_dim)
    outputs = mixer.num_heads * mixer.v_dim
    return VALUE_BYTES * (latents + outputs), VALUE_BYTES * expanded, scores


def _hidden_bytes(machine: Machine, group: LayerGroup, tokens: Values, d_model: Values) -> tuple[Values, Values]:
    """Bytes of one token on this GPU: hidden values before the activation, and after it.

    Routed experts keep, for each pair of the busiest rank, the token that arrived and the hidden values (weighted
    before the last product, so that outputs are not needed); the router its logits and probabilities in fp32.
    """
    before: Values = 0.0
    after: Values = 0.0
    for ffn in group.feed_forwards:
        if isinstance(ffn, DenseFFN):
            before = before + VALUE_BYTES * (ffn.num_matrices - 1) * ffn.d_ff / machine.tp
            after = after + VALUE_BYTES * ffn.d_ff / machine.tp
        elif isinstance(ffn, MatrixChain):
            before = before + VALUE_BYTES * sum(ffn.widths[1:-1] or ffn.widths[:1]) / machine.tp
        elif isinstance(ffn, MoE):
            pairs = machine.spread(ffn, tokens).pairs / tokens
            hidden = pairs * ffn.d_expert / machine.layout.expert_tp
            hidden = hidden + ffn.num_shared_experts * ffn.d_shared / machine.tp
            arrived = pairs * ffn.routed_width(d_model)
            before = before + VALUE_BYTES * ((ffn.num_matrices - 1) * hidden + arrived)
            before = before + 2 * STATISTIC_BYTES * ffn.num_experts
            after = after + VALUE_BYTES * hidden
    return before, after
