"""The best layout of a training run under memory: of one model, and of each design of a grid."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from optimoe.arch.flops import Recompute
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.grid import broadcast, map_arrays, map_numbers
from optimoe.cost.layers.layout import divisors
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.estimate import (
    FlopConvention,
    TrainEstimate,
    TrainRun,
    estimate_training,
    model_flops_per_token,
    predict,
)
from optimoe.cost.training.layout import TrainLayout, trains
from optimoe.cost.training.memory import TrainMemory, train_memory
from optimoe.cost.training.step import train_step

RECOMPUTES: tuple[Recompute, ...] = ("none", "selective", "full")
INTERLEAVES = (1, 2, 4)
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""What a search tries: more chunks send more, larger micro-batches leave fewer of them to fill the pipeline."""
LARGEST_STAGES = 64
"""Most pipeline stages tried: as many as the trillion-parameter run of arXiv 2205.05198 takes."""
CHUNK = 4096
"""Cells of designs × layouts whose steps are timed at a time: they stay in the processor's cache."""

CHUNKS_OF_MEMORY = 4
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


def candidate_train_layouts(
    num_gpus: int,
    gpus_per_node: int,
    sequences: int,
    *,
    routed: bool,
    most_experts: int = 1,
    zeros: Iterable[int] = (1, 3),
    micro_batches: Iterable[int] = MICRO_BATCHES,
    recomputes: Iterable[Recompute] = RECOMPUTES,
    interleaves: Iterable[int] = INTERLEAVES,
) -> TrainLayout:
    """Layouts over so many GPUs, as arrays: tp within a node, ep over its ranks, what divides the batch.

    ZeRO 3 goes without pipeline stages (each micro-batch would gather every stage's weights), interleaving with
    them. Sequence parallelism goes with tp.
    """
    rows = []
    tps = [one for one in divisors(num_gpus) if one <= gpus_per_node]
    pps = [one for one in divisors(num_gpus) if one <= LARGEST_STAGES]
    for tp, pp in product(tps, pps):
        dp, left = divmod(num_gpus, tp * pp)
        if left or sequences % dp:
            continue
        eps = [one for one in divisors(tp * dp) if one <= most_experts and (one % tp == 0 or tp % one == 0)]
        for ep, micro, zero, again, chunks in product(
            eps if routed else [1], micro_batches, zeros, recomputes, interleaves
        ):
            whole = (sequences // dp) % micro == 0
            if whole and (zero < 2 or pp == 1) and (chunks == 1 or pp > 1):
                rows.append((tp, ep, pp, dp, zero, micro, chunks, again))
    columns = list(zip(*rows, strict=True)) or [()] * 8
    names = ("tp", "ep", "pp", "dp", "zero", "micro_batch", "interleave")
    counts = {name: np.array(column, dtype=int) for name, column in zip(names, columns, strict=False)}
    recompute = np.array(columns[7], dtype="<U9")
    return TrainLayout(**counts, recompute=recompute, sequence_parallel=counts["tp"] > 1)


def usual_train_layouts(num_gpus: int, gpus_per_node: int, sequences: int, *, routed: bool) -> TrainLayout:
    """A few dozen layouts that cover what is used: micro-batches of one, tp whole or none, few stages.

    For grids of designs, where :func:`candidate_train_layouts` would be thousands.
    """
    every = candidate_train_layouts(
        num_gpus,
        gpus_per_node,
        sequences,
        routed=routed,
        most_experts=max(gpus_per_node, 1),
        zeros=(1, 3),
        micro_batches=(1,),
        recomputes=("none", "full"),
        interleaves=(1,),
    )
    tp, ep, pp = np.asarray(every.tp), np.asarray(every.ep), np.asarray(every.pp)
    keep = np.isin(tp, (1, 4, gpus_per_node)) & np.isin(pp, (1, 4, 8, 16))
    return _taken(every, np.flatnonzero(keep & (np.isin(ep, (1, gpus_per_node)))))


def best_training(arch: ArchSpec, run: TrainRun, layouts: TrainLayout | None = None) -> TrainEstimate:
    """The layout with the shortest step of those that fit in memory.

    Args:
        arch: One model.
        run: Cluster, batch, trainer.
        layouts: What to try; all of :func:`candidate_train_layouts` unless given.

    Raises:
        InfeasibleError: No layout divides the model, or none fits: says what is short with the one that is
            nearest.
    """
    cluster = run.cluster
    if layouts is None:
        layouts = candidate_train_layouts(
            cluster.num_gpus,
            cluster.accelerator.linked_gpus,
            run.sequences,
            routed=arch.moe is not None,
            most_experts=arch.moe.num_experts if arch.moe else 1,
        )
    usable = np.flatnonzero(np.atleast_1d(trains(arch, run.sequences, layouts)))
    if not len(usable):
        raise InfeasibleError(
            f"layout: none divides {arch.name} and {run.sequences} sequences over {cluster.num_gpus} GPUs"
            " (change the number of GPUs or the batch)"
        )
    layouts = _taken(layouts, usable)
    step, memory = predict(arch, run, layouts)
    shape = np.shape(layouts.tp)
    missing = np.broadcast_to(memory.total - memory.usable, shape)
    if np.all(missing > 0):
        raise InfeasibleError(_short(arch, run, layouts.at(int(np.argmin(missing)))))
    time_s = np.where(missing <= 0, np.broadcast_to(step.total_s, shape), np.inf)
    return estimate_training(arch, run, layouts.at(int(np.argmin(time_s))))


def training_mfu(
    grid: ArchSpec, run: TrainRun, layouts: TrainLayout | None = None, convention: FlopConvention = "6nd"
) -> TrainGrid:
    """The best layout for every design of a one-dimensional grid, and the utilisation that it reaches.

    Args:
        grid: Designs side by side: array fields of one length, as a plan's space makes them.
        run: Cluster, batch, trainer.
        layouts: What to try; :func:`usual_train_layouts` unless given.
        convention: Of the model FLOPs.
    """
    cluster = run.cluster
    if layouts is None:
        per_node, routed = cluster.accelerator.linked_gpus, grid.moe is not None
        layouts = usual_train_layouts(cluster.num_gpus, per_node, run.sequences, routed=routed)
    require(np.size(layouts.tp) > 0, "layouts", "one or more", "none")
    wide, num_designs = grid.over(1), np.size(model_flops_per_token(grid, run.seq_len, "counted"))
    rows = max(1, CHUNKS_OF_MEMORY * CHUNK // np.size(layouts.tp))
    parts = [_best_of(wide.at(slice(low, low + rows)), run, layouts) for low in range(0, num_designs, rows)]
    step_s = np.concatenate([part[0] for part in parts])[:num_designs]
    choice = np.concatenate([part[1] for part in parts])[:num_designs]
    flops = model_flops_per_token(grid, run.seq_len, convention) * run.batch_tokens
    fits = np.isfinite(step_s)
    step_s = np.where(fits, step_s, np.nan)
    return TrainGrid(
        layouts=layouts,
        choice=np.where(fits, choice, -1),
        step_s=step_s,
        mfu=flops / (step_s * run.peak_flops_per_s),
        tokens_per_s=run.batch_tokens / step_s,
        fits=fits,
    )


def _best_of(wide: ArchSpec, run: TrainRun, layouts: TrainLayout) -> tuple[np.ndarray, np.ndarray]:
    """Shortest step of each design of a slice (infinite where none fits), and the layout's index.

    Steps are timed for those layouts of each design that fit, in a row.
    """
    gpu, setup, sequences, seq_len = run.cluster.accelerator, run.setup, run.sequences, run.seq_len
    machine = Machine(gpu=gpu, layout=layouts.parts, execution=setup.execution)
    fits = train_memory(machine, wide, layouts, setup, sequences=sequences, seq_len=seq_len).fits
    usable = np.asarray(fits & trains(wide, run.sequences, layouts))
    shape, time_s = usable.shape, np.full(usable.size, np.inf)

    def time_cells(cells: np.ndarray) -> np.ndarray:
        def row(values: Any) -> Any:
            return np.broadcast_to(values, shape).reshape(-1)[cells]

        designs, splits = map_arrays(wide, row), map_numbers(layouts, row)
        step = train_step(gpu, designs, splits, setup, sequences=sequences, seq_len=seq_len)
        return np.asarray(step.total_s)

    cells = np.flatnonzero(usable)
    for low in range(0, len(cells), CHUNK):
        time_s[cells[low : low + CHUNK]] = time_cells(cells[low : low + CHUNK])
    choice = np.argmin(time_s.reshape(shape), axis=-1)
    return np.min(time_s.reshape(shape), axis=-1), choice


def _taken(layouts: TrainLayout, index: np.ndarray) -> TrainLayout:
    return map_arrays(broadcast(layouts), lambda values: np.atleast_1d(values)[index])


def _short(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> str:
    nearest = estimate_training(arch, run, layout)
    memory: TrainMemory = nearest.memory
    split = f"tp {layout.tp}, ep {layout.ep}, pp {layout.pp}, dp {layout.dp}, ZeRO {layout.zero}"
    return f"memory: no layout of {arch.name} fits on {run.cluster.num_gpus} GPUs; {split} is {memory.short()}"
