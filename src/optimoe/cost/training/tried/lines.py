"""Steps of designs whatever the batch: what a search asks again when the batch moves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from optimoe.arch.spec import ArchSpec, merged
from optimoe.core.arrays import Flags, Values
from optimoe.core.grid import map_arrays, map_numbers
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.layout import TrainLayout, batch_kept, num_micro_batches, splits, step_sequences
from optimoe.cost.training.memory import train_memory
from optimoe.cost.training.step import train_step
from optimoe.cost.training.tried.candidates import batch_top, faster_than, taken, up_to

CHUNK = 4096
"""Cells of designs × layouts whose steps are timed at a time: they stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class StepLines:
    """Seconds of steps whatever the batch: of m micro-batches, a step takes ``once_s`` + m·``each_s``.

    All of :func:`train_step` is paid once or for every micro-batch, so that a model whose steps were timed is
    timed at any batch.

    Attributes:
        once_s, each_s: For each design and layout; infinite where the layout does not split the design, never fits
            in memory, or one that fits at any batch is surely faster.
        fits: Whether the memory holds it at any batch; what it keeps grows with the micro-batches, to as many as
            the pipeline is deep.
    """

    once_s: Float[np.ndarray, "*designs layouts"]
    each_s: Float[np.ndarray, "*designs layouts"]
    fits: Bool[np.ndarray, "*designs layouts"]

    def seconds(self, run: TrainRun, layouts: TrainLayout) -> Float[np.ndarray, "*designs layouts"]:
        """Seconds of a token at the batch of a run, fitting or not; infinite where it is not kept."""
        sequences = step_sequences(layouts, run.sequences)
        step_s = self.once_s + num_micro_batches(layouts, sequences) * self.each_s
        return np.where(batch_kept(layouts, run.sequences), step_s / (sequences * run.seq_len), np.inf)


def step_lines(wide: ArchSpec, run: TrainRun, layouts: TrainLayout) -> StepLines:
    """Time designs in layouts, for any batch: ``wide`` are designs whose last axis is free for the layouts."""
    fewest = step_sequences(layouts, 1)
    least, most = (
        fits_memory(wide, run, layouts, sequences) for sequences in (fewest, np.full(np.shape(fewest), np.inf))
    )
    usable = np.asarray(least & splits(wide, layouts))
    worth, sure = usable.copy(), usable & most
    for better in faster_than(layouts):
        worth &= ~(sure[..., better] & (better >= 0))
    shape, cells = usable.shape, np.flatnonzero(worth)
    once_s, each_s = np.full(usable.size, np.inf), np.full(usable.size, np.inf)
    for low in range(0, len(cells), CHUNK):
        here = cells[low : low + CHUNK]
        designs, own = cells_of(wide, layouts, shape, here)
        one = np.asarray(own.dp) * own.micro_batch
        gpu, both = run.cluster.accelerator, np.stack([0 * one, one])  # sequences of no micro-batch, and of one
        step = train_step(gpu, designs, own, run.setup, sequences=both, seq_len=run.seq_len)
        none_s, one_s = np.asarray(step.total_s)
        once_s[here], each_s[here] = none_s, one_s - none_s
    return StepLines(
        once_s=once_s.reshape(shape), each_s=each_s.reshape(shape), fits=(sure & worth).reshape(shape)
    )


def fastest(
    wide: ArchSpec, run: TrainRun, layouts: TrainLayout, lines: StepLines
) -> Float[np.ndarray, "*designs layouts"]:
    """Seconds of a token at the batch of a run in layouts that fit; infinite elsewhere, or where one is faster."""
    each_s = lines.seconds(run, layouts)
    sure = np.where(lines.fits, each_s, np.inf)
    doubtful = np.flatnonzero(~lines.fits & (each_s < sure.min(axis=-1, keepdims=True, initial=np.inf)))
    if len(doubtful):
        designs, own = cells_of(wide, layouts, each_s.shape, doubtful)
        fits = fits_memory(designs, run, own, step_sequences(own, run.sequences))
        sure.reshape(-1)[doubtful] = np.where(fits, each_s.reshape(-1)[doubtful], np.inf)
    return sure


def lines_for(arch: ArchSpec, run: TrainRun) -> tuple[TrainLayout, StepLines]:
    """The layouts of one model that may be its best at some batch, of up to :func:`batch_top`, and their steps."""
    moe = arch.moe
    most_experts = int(np.max(moe.num_experts)) if moe else 1
    gpu = run.cluster.accelerator
    layouts = up_to(run.cluster.num_gpus, gpu.linked_gpus, batch_top(run), most_experts)
    lines = step_lines(merged(arch), run, layouts)
    worth = np.flatnonzero(np.isfinite(lines.once_s))
    return taken(layouts, worth), map_arrays(lines, lambda values: values[worth])


def fits_memory(wide: ArchSpec, run: TrainRun, layouts: TrainLayout, sequences: Values) -> Flags:
    """Whether the memory holds designs in layouts at so many sequences of a step."""
    machine = Machine(gpu=run.cluster.accelerator, layout=layouts.parts, execution=run.setup.execution)
    return train_memory(machine, wide, layouts, run.setup, sequences=sequences, seq_len=run.seq_len).fits


def cells_of(
    wide: ArchSpec, layouts: TrainLayout, shape: tuple[int, ...], cells: np.ndarray
) -> tuple[ArchSpec, TrainLayout]:
    """Designs and layouts of some cells of designs × layouts, in a row."""

    def row(values: Any) -> Any:
        return np.broadcast_to(values, shape).reshape(-1)[cells]

    return map_arrays(wide, row), map_numbers(layouts, row)
