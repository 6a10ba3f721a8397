"""How a training run splits a model, its states and its batch over GPUs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.flops import TRAIN_PASSES
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.grid import map_arrays
from optimoe.cost.layers.layout import Layout, divides, nearest_divisors

ZERO_STAGES = (0, 1, 2, 3)
COUNTS = ("tp", "ep", "pp", "dp", "micro_batch", "interleave")

MOST_BATCH_CHANGE = 0.1
"""Most that a step's batch is moved, as a share, to what the data-parallel ranks take (assumed: the published
rules of a batch differ among themselves by far more, so that a loss does not see it)."""


@dataclass(frozen=True, kw_only=True)
class TrainLayout:
    """Degrees of parallelism and what each GPU keeps; ``tp · pp · dp`` GPUs work, others stand idle.

    Numbers, or arrays over layouts. Experts are dealt as in a serving layout: over the ranks of ``max(tp, ep)``
    GPUs of a stage; ranks beyond that are copies of them.

    Attributes:
        tp: Tensor parallel: GPUs that split heads and widths.
        ep: Expert parallel: parts into which the experts of a layer are dealt; divides tp · dp.
        pp: Pipeline stages.
        dp: Data-parallel ranks, each with sequences of its own.
        zero: Shared over dp: nothing (0), optimizer states (1), gradients too (2), weights too (3).
            Source: ZeRO, arXiv 1910.02054, Sec. 5.
        micro_batch: Sequences of one rank in one pass.
        interleave: Chunks of layers per stage, v (arXiv 2104.04473, Sec. 2.2); 1 is plain 1F1B.
        recompute: Activations computed again in the backward pass: none, selective, or full.
        sequence_parallel: Norms and residuals split by tokens over tp (arXiv 2205.05198, Sec. 4.2.2).
        first_layers: Layers of the first pipeline stage; 0: as :func:`pipeline_stages` deals them.
        last_layers: Layers of the last one; 0 likewise.

    Raises:
        ConfigError: A degree is not positive, a stage has less than no layer, or the stage of ZeRO is none.
        UnknownNameError: No such recomputation.
    """

    tp: Values = 1
    ep: Values = 1
    pp: Values = 1
    dp: Values = 1
    zero: Values = 1
    micro_batch: Values = 1
    interleave: Values = 1
    recompute: str | np.ndarray = "none"
    sequence_parallel: Flags = True
    first_layers: Values = 0
    last_layers: Values = 0

    def __post_init__(self) -> None:
        for name in COUNTS:
            require(np.asarray(getattr(self, name)) > 0, name, "positive", getattr(self, name))
        for name in ("first_layers", "last_layers"):
            require(np.asarray(getattr(self, name)) >= 0, name, "0 or more", getattr(self, name))
        require(np.isin(np.asarray(self.zero), ZERO_STAGES), "zero", f"one of {ZERO_STAGES}", self.zero)
        known = np.any([np.asarray(self.recompute) == name for name in TRAIN_PASSES], axis=0)
        for name in np.ravel(self.recompute)[~np.ravel(known)][:1].tolist():
            raise UnknownNameError("recompute", name, TRAIN_PASSES)
        single = (np.asarray(self.interleave) == 1) | (np.asarray(self.pp) > 1)
        require(single, "interleave", "1 without pipeline stages", self.interleave)

    @property
    def num_gpus(self) -> Values:
        """GPUs that work: tp·pp·dp."""
        return self.tp * self.pp * self.dp

    @property
    def parts(self) -> Layout:
        """How the model alone is split: the layout that a machine runs."""
        return Layout(tp=self.tp, ep=self.ep, pp=self.pp, dp=self.dp)

    @property
    def sequence_shards(self) -> Values:
        """GPUs over which norms and residuals are split by tokens: tp, or 1."""
        return np.where(self.sequence_parallel, self.tp, 1)[()]

    @property
    def full_recompute(self) -> Flags:
        """Whether whole layers run again."""
        return (np.asarray(self.recompute) == "full")[()]

    @property
    def selective_recompute(self) -> Flags:
        """Whether the cheap parts alone run again."""
        return (np.asarray(self.recompute) == "selective")[()]

    def shared_over_dp(self, stage: int, copies: Values) -> Values:
        """GPUs over which a state that ZeRO shards from ``stage`` on is spread, out of its ``copies``."""
        return np.where(np.asarray(self.zero) >= stage, copies, 1)[()]

    def at(self, index: int) -> "TrainLayout":
        """One layout out of an array of them."""
        return map_arrays(self, lambda values: values.flat[index if values.size > 1 else 0])


@dataclass(frozen=True, kw_only=True)
class Stages:
    """How many layers each pipeline stage holds: all between the first and the last as many.

    Attributes:
        first, middle, last: Layers of the first, of each middle, and of the last stage.
        even_chunks: Whether Megatron-LM splits them so, into whole chunks of layers.
    """

    first: Values
    middle: Values
    last: Values
    even_chunks: Flags


def pipeline_stages(arch: ArchSpec, layout: TrainLayout) -> Stages:
    """Deal the layers to the stages of a pipeline, so that the slowest is as fast as whole layers allow.

    With L layers, p stages of v chunks and r the logits' product in layers (of mean parameters), the middle
    stages take M = v·c layers, c near (L + r)/(p·v); the last takes up to ⌈r⌉ fewer, the first what is then left,
    so that first + (p − 2)·M + last = L. Megatron-LM can say no more: for v = 1 by
    ``--decoder-first-pipeline-num-layers`` and ``--decoder-last-pipeline-num-layers``, each at least one, the
    layers between dividing the stages between (NVIDIA/Megatron-LM,
    ``megatron/core/transformer/transformer_block.py``, ``get_num_layers_to_build``); for v > 1 by
    ``--pipeline-model-parallel-layout``, where the first chunk may be shorter, and the last, which may hold the
    loss alone (Megatron Core's user guide, "Custom Pipeline Model Parallel Layout"). Where that deals no L
    layers, ``even_chunks`` is false and stages take ⌈L/p⌉ each, the last what is left. Stages that a layout
    states are kept.
    """
    layers, logits = np.asarray(arch.num_layers), np.asarray(logits_in_layers(arch))
    pp, chunks = (np.asarray(part) for part in np.broadcast_arrays(layout.pp, layout.interleave))
    if pp.ndim == 1 and all(np.shape(part)[-1:] in ((), (1,)) for part in (layers, logits)):
        # layouts beside each design: few of them differ in their stages
        _, first, which = np.unique(
            pp * (chunks.max(initial=0) + 1) + chunks, return_index=True, return_inverse=True
        )
        dealt = _dealt(layers, logits, pp[first], chunks[first])
        dealt = map_arrays(dealt, lambda values: values[..., which])
    else:
        dealt = _dealt(layers, logits, pp, chunks)
    return _as_stated(layout, layers, pp, dealt)


def _dealt(layers: Values, logits: Values, pp: Values, chunks: Values) -> Stages:
    """The stages of so many layers, with logits worth as many more, where the layout states none."""
    layers, logits, pp, chunks = (np.asarray(part) for part in np.broadcast_arrays(layers, logits, pp, chunks))
    least = chunks * np.ceil(layers / (pp * chunks))
    near = chunks * np.floor((layers + logits) / (pp * chunks))
    # with deeper middle stages too few layers would be left to the ends, which keep one layer in all but one chunk
    kept, others = np.where(chunks > 1, 1, 2), pp * chunks - 2
    deepest = np.where(others > 0, np.floor((layers - kept) / np.maximum(others, 1)), layers)
    most = np.maximum(chunks * deepest, least)
    found = [_ends(layers, pp, chunks, logits, np.clip(near + more * chunks, least, most)) for more in (0, 1)]
    better = found[1][3] < found[0][3]
    first, middle, last, slowest = (np.where(better, *pair) for pair in zip(found[1], found[0], strict=True))
    whole, deep = np.isfinite(slowest) | (pp == 1), np.ceil(layers / pp)
    several = whole & (pp > 1)
    return Stages(
        first=np.where(several, first, deep),
        middle=np.where(several, middle, deep),
        last=np.where(several, last, np.maximum(layers - (pp - 1) * deep, 0)),
        even_chunks=whole,
    )


def logits_in_layers(arch: ArchSpec) -> Values:
    """The product with the unembedding, in layers: V·d over the mean layer's parameters that a token uses."""
    params = count_params(arch)
    return arch.vocab_size * arch.embedding_width * arch.num_layers / params.active_nonembedding


def _ends(
    layers: Values, pp: Values, chunks: Values, logits: Values, middle: Values
) -> tuple[Values, Values, Values, Values]:
    """First, middle and last stage where the middle has so many layers, and the slowest; infinite for none.

    What p stages of that depth would hold too many is taken from the last, up to the logits' worth, then from the
    first: at most a chunk of each, and all of it only from the last chunk of several.
    """
    spare, first_spares = pp * middle - layers, middle / chunks - 1
    last_spares = np.where(chunks > 1, middle / chunks, first_spares)
    last = np.minimum(np.minimum(spare, np.ceil(logits)), last_spares)
    last = last + np.maximum(spare - last - first_spares, 0)  # the first can spare no more
    first = spare - last
    ends = np.maximum(middle - first, middle - last + logits)
    slowest = np.where(pp > 2, np.maximum(middle, ends), ends)
    return middle - first, middle, middle - last, np.where((spare >= 0) & (last <= last_spares), slowest, np.inf)


def _as_stated(layout: TrainLayout, layers: Values, pp: Values, dealt: Stages) -> Stages:
    """Stages with the ends that a layout states, the rest dealt evenly; whole chunks are checked again."""
    stated = (np.asarray(layout.first_layers) > 0) | (np.asarray(layout.last_layers) > 0)
    if not np.any(stated):
        return dealt
    first = np.where(np.asarray(layout.first_layers) > 0, layout.first_layers, dealt.first)
    last = np.where(np.asarray(layout.last_layers) > 0, layout.last_layers, dealt.last)
    between = np.where(pp > 2, (layers - first - last) / np.maximum(pp - 2, 1), np.maximum(first, last))
    return Stages(
        first=np.where(stated, first, dealt.first),
        middle=np.where(stated, between, dealt.middle),
        last=np.where(stated, last, dealt.last),
        even_chunks=np.where(stated & (pp > 1), between == np.floor(between), dealt.even_chunks),
    )


def staged(arch: ArchSpec, layout: TrainLayout) -> TrainLayout:
    """One layout of one model, with the layers of its first and last stage written down."""
    stages = pipeline_stages(arch, layout)
    return replace(layout, first_layers=int(stages.first), last_layers=int(stages.last))


def step_sequences(layout: TrainLayout, sequences: Values) -> Values:
    """Sequences of a step in a layout: the multiple nearest to ``sequences`` of what its ranks take at a time.

    Ranks take dp · micro_batch; interleaved, each takes micro-batches in groups of pp (arXiv 2104.04473, Sec.
    2.2).
    """
    taken = np.asarray(layout.dp) * layout.micro_batch * np.where(np.asarray(layout.interleave) > 1, layout.pp, 1)
    return (np.maximum(np.floor(np.asarray(sequences) / taken + 0.5), 1) * taken)[()]


def batch_kept(layout: TrainLayout, sequences: Values) -> Flags:
    """Whether a layout's own batch is near enough to the stated one."""
    change = np.abs(step_sequences(layout, sequences) / np.asarray(sequences) - 1)
    return np.asarray(change <= MOST_BATCH_CHANGE)[()]


def num_micro_batches(layout: TrainLayout, sequences: Values) -> Values:
    """Passes of a data-parallel rank in one step: sequences/(dp · micro_batch)."""
    return sequences / (np.asarray(layout.dp) * layout.micro_batch)


def check_train_layout(arch: ArchSpec, num_gpus: int, sequences: int, layout: TrainLayout) -> None:
    """Refuse a layout that takes more than the GPUs, or does not divide the model, or is far from the batch.

    Raises:
        ConfigError: With the limit, the value, and the nearest values that would do.
    """
    given = f"{layout.tp} × {layout.pp} × {layout.dp}"
    require(np.asarray(layout.num_gpus) <= num_gpus, "tp × pp × dp", f"at most the {num_gpus} GPUs", given)
    for name, number, whose in _divisions(arch, layout):
        value = int(getattr(layout, name))
        if number % value:
            raise ConfigError(
                f"{name}: must be a divisor of {whose} = {number}{nearest_divisors(number, value)}, got {value}"
            )
    require(layout.pp <= arch.num_layers, "pp", f"at most num_layers = {arch.num_layers}", layout.pp)
    shared = any(group.reused for group in arch.layers)
    require(layout.pp == 1 or not shared, "pp", "1 for a model whose layers share weights", layout.pp)
    deep = -(-arch.num_layers // layout.pp)
    require(layout.interleave <= deep, "interleave", f"at most the layers of a stage, {deep}", layout.interleave)
    group, split = max(layout.tp, layout.ep), min(layout.tp, layout.ep)
    require(group % split == 0, "ep", f"a divisor or a multiple of tp = {layout.tp}", layout.ep)
    nearest = int(step_sequences(layout, sequences))
    limit = f"within {MOST_BATCH_CHANGE:.0%} of what the ranks take (nearest: {nearest})"
    require(batch_kept(layout, sequences), "sequences of a step", limit, sequences)


def _divisions(arch: ArchSpec, layout: TrainLayout) -> Iterable[tuple[str, int, str]]:
    """Field, the number that it must divide, and what that number is."""
    for group in arch.layers:
        yield "tp", group.mixer.tp_heads, "num_heads"
    routed = [group.ffn.num_experts for group in arch.layers if isinstance(group.ffn, MoE)]
    for num_experts in routed or [1]:
        yield "ep", num_experts, "num_experts"
    yield "ep", layout.tp * layout.dp, "tp × dp"


def trains(arch: ArchSpec, sequences: Values, layout: TrainLayout) -> Flags:
    """Whether a layout splits a model into whole parts and keeps the batch; over designs and layouts."""
    return np.asarray(splits(arch, layout) & batch_kept(layout, sequences))[()]


def splits(arch: ArchSpec, layout: TrainLayout) -> Flags:
    """Whether a layout splits a model into whole parts; over designs and layouts."""
    return np.asarray(divides(arch, layout.parts) & pipeline_stages(arch, layout).even_chunks)[()]
