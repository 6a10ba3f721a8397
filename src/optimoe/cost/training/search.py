"""The best layout of a training run under memory: of one model, and of each design of a grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.arch.spec import ArchSpec, merged
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import InfeasibleError, require
from optimoe.cost.training.estimate import (
    FlopConvention,
    TrainEstimate,
    TrainRun,
    estimate_training,
    model_flops_per_token,
    predict,
)
from optimoe.cost.training.layout import COUNTS, TrainLayout, step_sequences, trains
from optimoe.cost.training.memory import TrainMemory
from optimoe.cost.training.step import train_step
from optimoe.cost.training.tried.candidates import faster_than, layouts_for, taken
from optimoe.cost.training.tried.lines import (
    CHUNK,
    StepLines,
    cells_of,
    fastest,
    fits_memory,
    lines_for,
    step_lines,
)

BEST_SPLITS = 3
"""Splits of a model and a batch that each design brings: what is best for one is second for another. The best of
what 72 designs bring is slower than the best of all by 0.1 to 0.4 % in the mean over 60 others on 16 to 256 H100,
by 4 to 5 % on 1,024 and 4,096 (``benchmarks/training_layouts.py``)."""

CHUNKS_OF_MEMORY = 16
"""Memory is a few array operations, so as many chunks at a time are looked at for what fits."""


@dataclass(frozen=True, kw_only=True)
class TrainGrid:
    """The best layout of each design: arrays in the shape of the grid; NaN and −1 where nothing fits.

    Attributes:
        layouts: What was tried.
        choice: Index of the best.
        step_s: Seconds of a step.
        mfu: By the convention asked for, over the peak of the products' precision.
        tokens_per_s: Of all GPUs.
        fits: Whether any layout does.
    """

    layouts: TrainLayout
    choice: Values
    step_s: Values
    mfu: Values
    tokens_per_s: Values
    fits: Flags


def usual_train_layouts(designs: Sequence[ArchSpec], run: TrainRun) -> TrainLayout:
    """Layouts of all that could be tried, those that are best for some of a few designs.

    A split is what tp, ep, pp, dp, micro-batch and chunks say; each of those kept comes with every ZeRO stage and
    recomputation, for larger and smaller designs fit in others.

    Args:
        designs: A few designs, as grids of one axis, from the smallest to the largest that are asked for.
        run: Cluster, batch, trainer.
    """
    every = layouts_for(designs, run)
    if not np.size(every.tp):
        return every
    columns = np.stack([np.broadcast_to(getattr(every, name), np.shape(every.tp)) for name in COUNTS])
    first, code = np.unique(columns, axis=1, return_index=True, return_inverse=True)[1:]
    each_s = np.concatenate([seconds_of_token(grid, run, every) for grid in designs])
    by_split = np.full((len(first), len(each_s)), np.inf)
    np.minimum.at(by_split, np.ravel(code), each_s.T)
    best = np.argsort(by_split, axis=0, kind="stable")[:BEST_SPLITS]
    fits = np.isfinite(np.take_along_axis(by_split, best, axis=0))
    if not fits.any():
        return every
    return taken(every, np.flatnonzero(np.isin(np.ravel(code), best[fits])))


def best_training(
    arch: ArchSpec,
    run: TrainRun,
    layouts: TrainLayout | None = None,
    known: tuple[TrainLayout, StepLines] | None = None,
) -> TrainEstimate:
    """The layout with the shortest step of those that fit in memory.

    Args:
        arch: One model.
        run: Cluster, batch, trainer.
        layouts: What to try; all of :func:`candidate_train_layouts` unless given.
        known: What :func:`lines_for` the run says, or another that differs in the batch up to the same top.

    Raises:
        InfeasibleError: No layout divides the model, or none fits: says what is short with the one that is
            nearest.
    """
    if layouts is None:
        tried, lines = known or lines_for(arch, run)
    else:
        tried, lines = layouts, step_lines(merged(arch), run, layouts)
    each_s = fastest(merged(arch), run, tried, lines)
    if np.isfinite(each_s).any():
        return estimate_training(arch, run, tried.at(int(each_s.argmin())))
    layouts = layouts_for([arch], run) if layouts is None else layouts
    usable = np.flatnonzero(np.atleast_1d(trains(arch, run.sequences, layouts)))
    if not len(usable):
        raise InfeasibleError(
            f"layout: none divides {arch.name} and {run.sequences} sequences over {run.cluster.num_gpus} GPUs"
            " (change the number of GPUs or the batch)"
        )
    layouts = taken(layouts, usable)
    memory = predict(arch, run, layouts)[1]
    missing = np.broadcast_to(memory.total - memory.usable, np.shape(layouts.tp))
    raise InfeasibleError(_short(arch, run, layouts.at(int(np.argmin(missing)))))


def training_mfu(
    grid: ArchSpec,
    run: TrainRun,
    layouts: TrainLayout | None = None,
    convention: FlopConvention = "6nd",
    *,
    lines: StepLines | None = None,
) -> TrainGrid:
    """The best layout for every design of a one-dimensional grid, and the utilisation that it reaches.

    Args:
        grid: Designs side by side: array fields of one length, as a plan's space makes them.
        run: Cluster, batch, trainer.
        layouts: What to try; all of :func:`candidate_train_layouts` unless given, which takes a hundred times as
            long as the few of :func:`usual_train_layouts`.
        convention: Of the model FLOPs.
        lines: Their steps whatever the batch, where these are known.
    """
    layouts = layouts_for([grid], run) if layouts is None else layouts
    require(np.size(layouts.tp) > 0, "layouts", "one or more", "none")
    slices = [fastest(grid.over(1), run, layouts, lines)] if lines else _slices(grid, run, layouts)
    parts = [(np.min(each_s, axis=-1), np.argmin(each_s, axis=-1)) for each_s in slices]
    each_s, choice = (np.concatenate(part) for part in zip(*parts, strict=True))
    fits = np.isfinite(each_s)
    each_s = np.where(fits, each_s, np.nan)
    batch_tokens = np.asarray(step_sequences(layouts, run.sequences))[choice] * run.seq_len
    return TrainGrid(
        layouts=layouts,
        choice=np.where(fits, choice, -1),
        step_s=each_s * batch_tokens,
        mfu=model_flops_per_token(grid, run.seq_len, convention) / (each_s * run.peak_flops_per_s),
        tokens_per_s=1 / each_s,
        fits=fits,
    )


def seconds_of_token(grid: ArchSpec, run: TrainRun, layouts: TrainLayout) -> Float[np.ndarray, "designs layouts"]:
    """Seconds of a token in every layout; infinite where it does not fit, or one that fits is surely faster."""
    whole = np.atleast_2d(trains(grid.over(1), run.sequences, layouts))
    usable, each_s = np.flatnonzero(whole.any(axis=0)), np.full(whole.shape, np.inf)
    if len(usable):
        each_s[:, usable] = np.concatenate(list(_slices(grid, run, taken(layouts, usable))))
    return each_s


def _slices(grid: ArchSpec, run: TrainRun, layouts: TrainLayout) -> Iterator[Float[np.ndarray, "rows layouts"]]:
    """:func:`seconds_of_token` of a few designs at a time."""
    faster, wide = faster_than(layouts), grid.over(1)
    num_designs = np.size(model_flops_per_token(grid, run.seq_len, "counted"))
    rows = max(1, CHUNKS_OF_MEMORY * CHUNK // np.size(layouts.tp))
    for low in range(0, num_designs, rows):
        yield _seconds(wide.at(slice(low, low + rows)), run, layouts, faster)


def _seconds(
    wide: ArchSpec, run: TrainRun, layouts: TrainLayout, faster: tuple[np.ndarray, ...]
) -> Float[np.ndarray, "*designs layouts"]:
    """:func:`seconds_of_token` for a slice of designs.

    Steps are timed in a row, of those layouts of each design that fit and have no ``faster`` one that fits.
    """
    sequences = np.broadcast_to(step_sequences(layouts, run.sequences), np.shape(layouts.tp))
    usable = np.asarray(fits_memory(wide, run, layouts, sequences) & trains(wide, run.sequences, layouts))
    worth = usable.copy()
    for better in faster:
        worth &= ~(usable[..., better] & (better >= 0))
    shape, each_s, cells = usable.shape, np.full(usable.size, np.inf), np.flatnonzero(worth)
    for low in range(0, len(cells), CHUNK):
        here = cells[low : low + CHUNK]
        designs, own = cells_of(wide, layouts, shape, here)
        batch = step_sequences(own, run.sequences)
        step = train_step(run.cluster.accelerator, designs, own, run.setup, sequences=batch, seq_len=run.seq_len)
        each_s[here] = np.asarray(step.total_s) / (batch * run.seq_len)
    return each_s.reshape(shape)


def _short(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> str:
    nearest = estimate_training(arch, run, layout)
    memory: TrainMemory = nearest.memory
    split = f"tp {layout.tp}, ep {layout.ep}, pp {layout.pp}, dp {layout.dp}, ZeRO {layout.zero}"
    return f"memory: no layout of {arch.name} fits on {run.cluster.num_gpus} GPUs; {split} is {memory.short()}"
