"""How a training run splits a model, its states and its batch over GPUs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimoe.arch.flops import TRAIN_PASSES
from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.grid import map_arrays
from optimoe.cost.layers.layout import Layout, divides, nearest_divisors

ZERO_STAGES = (0, 1, 2, 3)
COUNTS = ("tp", "ep", "pp", "dp", "micro_batch", "interleave")


@dataclass(frozen=True, kw_only=True)
class TrainLayout:
    """Degrees of parallelism and what each GPU keeps; ``tp · pp · dp`` is the number of GPUs.

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

    Raises:
        ConfigError: A degree is not positive, or the stage of ZeRO is none.
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

    def __post_init__(self) -> None:
        for name in COUNTS:
            require(np.asarray(getattr(self, name)) > 0, name, "positive", getattr(self, name))
        require(np.isin(np.asarray(self.zero), ZERO_STAGES), "zero", f"one of {ZERO_STAGES}", self.zero)
        for name in np.unique(np.asarray(self.recompute)):
            if name not in TRAIN_PASSES:
                raise UnknownNameError("recompute", str(name), TRAIN_PASSES)
        single = (np.asarray(self.interleave) == 1) | (np.asarray(self.pp) > 1)
        require(single, "interleave", "1 without pipeline stages", self.interleave)

    @property
    def num_gpus(self) -> Values:
        """GPUs of the whole run: tp·pp·dp."""
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


def num_micro_batches(layout: TrainLayout, sequences: Values) -> Values:
    """Passes of a data-parallel rank in one step: sequences/(dp · micro_batch)."""
    return sequences / (np.asarray(layout.dp) * layout.micro_batch)


def check_train_layout(arch: ArchSpec, num_gpus: int, sequences: int, layout: TrainLayout) -> None:
    """Refuse a layout that does not use the GPUs, or does not divide the model or the batch.

    Raises:
        ConfigError: With the limit, the value, and the nearest values that would do.
    """
    given = f"{layout.tp} × {layout.pp} × {layout.dp}"
    require(np.asarray(layout.num_gpus) == num_gpus, "tp × pp × dp", f"the number of GPUs, {num_gpus}", given)
    for name, number, whose in _divisions(arch, sequences, layout):
        value = int(getattr(layout, name))
        if number % value:
            raise ConfigError(
                f"{name}: must be a divisor of {whose} = {number}{nearest_divisors(number, value)}, got {value}"
            )
    require(layout.pp <= arch.num_layers, "pp", f"at most num_layers = {arch.num_layers}", layout.pp)
    deep = -(-arch.num_layers // layout.pp)
    require(layout.interleave <= deep, "interleave", f"at most the layers of a stage, {deep}", layout.interleave)
    group, split = max(layout.tp, layout.ep), min(layout.tp, layout.ep)
    require(group % split == 0, "ep", f"a divisor or a multiple of tp = {layout.tp}", layout.ep)


def _divisions(arch: ArchSpec, sequences: int, layout: TrainLayout) -> Iterable[tuple[str, int, str]]:
    """Field, the number that it must divide, and what that number is."""
    for group in arch.layers:
        yield "tp", group.mixer.tp_heads, "num_heads"
    routed = [group.ffn.num_experts for group in arch.layers if isinstance(group.ffn, MoE)]
    for num_experts in routed or [1]:
        yield "ep", num_experts, "num_experts"
    yield "ep", layout.tp * layout.dp, "tp × dp"
    yield "dp", sequences, "sequences of a step"
    yield "micro_batch", sequences // layout.dp, "sequences of a rank"


def trains(arch: ArchSpec, sequences: Values, layout: TrainLayout) -> Flags:
    """Whether a layout divides the model and the batch; over a grid of designs and layouts."""
    per_rank = np.asarray(layout.dp) * layout.micro_batch
    deep = np.asarray(layout.interleave) <= np.ceil(arch.num_layers / np.asarray(layout.pp))
    return np.asarray(divides(arch, layout.parts) & deep & (np.asarray(sequences) % per_rank == 0))[()]
