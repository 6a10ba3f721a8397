"""The best layout of a training run under memory: of one model, and of each design of a grid."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import Recompute
from optimoe.arch.spec import ArchSpec, merged
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
from optimoe.cost.training.layout import COUNTS, ZERO_STAGES, TrainLayout, batch_kept, step_sequences, trains
from optimoe.cost.training.memory import TrainMemory, train_memory
from optimoe.cost.training.step import train_step

RECOMPUTES: tuple[Recompute, ...] = ("none", "selective", "full")
ZEROS = (1, 3)
"""What a search tries, each list from the fastest to what takes least memory: see :func:`_faster`."""
INTERLEAVES = (1, 2, 4)
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""What a search tries: more chunks send more, larger micro-batches leave fewer of them to fill the pipeline."""
LARGEST_STAGES = 64
"""Most pipeline stages tried: as many as the trillion-parameter run of arXiv 2205.05198 takes."""
USUAL_STAGES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Pipeline stages tried on any number of GPUs, beside its divisors."""
BEST_SPLITS = 3
"""Splits of a model and a batch that each design brings: what is best for one is second for another. The best of
what 72 designs bring is slower than the best of all by 0.1 to 0.4 % in the mean over 60 others on 16 to 256 H100,
by 4 to 5 % on 1,024 and 4,096 (``benchmarks/training_layouts.py``)."""

CHUNK = 4096
"""Cells of designs × layouts whose steps are timed at a time: they stay in the processor's cache."""

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


def candidate_train_layouts(
    num_gpus: int,
    gpus_per_node: int,
    sequences: int,
    *,
    routed: bool,
    most_experts: int = 1,
    zeros: Iterable[int] = ZEROS,
    micro_batches: Iterable[int] = MICRO_BATCHES,
    recomputes: Iterable[Recompute] = RECOMPUTES,
    interleaves: Iterable[int] = INTERLEAVES,
) -> TrainLayout:
    """Layouts over at most so many GPUs, as arrays: tp within a node, ep over its ranks, what keeps the batch.

    Of any number of GPUs each pair of tp and pp takes as many data-parallel ranks as there is room for, down to
    whole parts of the experts; the rest stand idle. ZeRO 3 goes without pipeline stages (each micro-batch would
    gather every stage's weights), interleaving with them. Sequence parallelism goes with tp.
    """
    degrees = np.array(list(_degrees(num_gpus, gpus_per_node, most_experts if routed else 1)), dtype=int)
    choices = list(product(micro_batches, interleaves, zeros, recomputes))
    how = np.arange(len(choices))
    where, which = (part.reshape(-1) for part in np.meshgrid(np.arange(len(degrees)), how, indexing="ij"))
    tp, ep, pp, dp = degrees.reshape(-1, 4)[where].T
    micro, chunks, zero = (np.array([choice[at] for choice in choices], dtype=int)[which] for at in range(3))
    again = np.array([choice[3] for choice in choices], dtype="<U9")[which]
    every = TrainLayout(
        **{"tp": tp, "ep": ep, "pp": pp, "dp": dp, "zero": zero, "micro_batch": micro},
        interleave=np.where(pp > 1, chunks, 1),
        recompute=again,
        sequence_parallel=tp > 1,
    )
    sensible = ((zero < 2) | (pp == 1)) & ((chunks == 1) | (pp > 1))
    return taken(every, np.flatnonzero(sensible & np.asarray(batch_kept(every, sequences))))


def _degrees(num_gpus: int, gpus_per_node: int, most_experts: int) -> Iterator[tuple[int, int, int, int]]:
    """tp, ep, pp and dp over at most so many GPUs."""
    tps = [one for one in divisors(min(num_gpus, gpus_per_node)) if one <= num_gpus]
    pps = sorted({one for one in (*divisors(num_gpus), *USUAL_STAGES) if one <= LARGEST_STAGES})
    parts = sorted({*divisors(most_experts), *(2**one for one in range(most_experts.bit_length()))})
    for tp, pp in product(tps, pps):
        room = num_gpus // (tp * pp)
        for ep in parts:
            ranks = ep // math.gcd(ep, tp)
            dp = room // ranks * ranks
            if dp and ep <= most_experts and (ep % tp == 0 or tp % ep == 0):
                yield tp, ep, pp, dp


def layouts_for(designs: Iterable[ArchSpec], run: TrainRun) -> TrainLayout:
    """Every layout to try for some designs, or grids of them, by :func:`candidate_train_layouts`."""
    routed = [arch.moe for arch in designs if arch.moe]
    most_experts = max((int(np.max(moe.num_experts)) for moe in routed), default=1)
    gpus = run.cluster.num_gpus, run.cluster.accelerator.linked_gpus
    return _candidates(*gpus, run.sequences, routed=bool(routed), most_experts=most_experts)


@lru_cache(maxsize=16)
def _candidates(
    num_gpus: int, gpus_per_node: int, sequences: int, *, routed: bool, most_experts: int
) -> TrainLayout:
    return candidate_train_layouts(num_gpus, gpus_per_node, sequences, routed=routed, most_experts=most_experts)


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
    layouts = layouts_for([arch], run) if layouts is None else layouts
    usable = np.flatnonzero(np.atleast_1d(trains(arch, run.sequences, layouts)))
    if not len(usable):
        raise InfeasibleError(
            f"layout: none divides {arch.name} and {run.sequences} sequences over {cluster.num_gpus} GPUs"
            " (change the number of GPUs or the batch)"
        )
    layouts = taken(layouts, usable)
    each_s = _seconds(merged(arch), run, layouts, _faster(layouts))
    if not np.isfinite(each_s).any():
        memory = predict(arch, run, layouts)[1]
        missing = np.broadcast_to(memory.total - memory.usable, np.shape(layouts.tp))
        raise InfeasibleError(_short(arch, run, layouts.at(int(np.argmin(missing)))))
    return estimate_training(arch, run, layouts.at(int(each_s.argmin())))


def training_mfu(
    grid: ArchSpec, run: TrainRun, layouts: TrainLayout | None = None, convention: FlopConvention = "6nd"
) -> TrainGrid:
    """The best layout for every design of a one-dimensional grid, and the utilisation that it reaches.

    Args:
        grid: Designs side by side: array fields of one length, as a plan's space makes them.
        run: Cluster, batch, trainer.
        layouts: What to try; all of :func:`candidate_train_layouts` unless given, which takes a hundred times as
            long as the few of :func:`usual_train_layouts`.
        convention: Of the model FLOPs.
    """
    layouts = layouts_for([grid], run) if layouts is None else layouts
    require(np.size(layouts.tp) > 0, "layouts", "one or more", "none")
    parts = [(np.min(each_s, axis=-1), np.argmin(each_s, axis=-1)) for each_s in _slices(grid, run, layouts)]
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
    faster, wide = _faster(layouts), grid.over(1)
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
    gpu, setup, seq_len = run.cluster.accelerator, run.setup, run.seq_len
    machine = Machine(gpu=gpu, layout=layouts.parts, execution=setup.execution)
    sequences = np.broadcast_to(step_sequences(layouts, run.sequences), np.shape(layouts.tp))
    fits = train_memory(machine, wide, layouts, setup, sequences=sequences, seq_len=seq_len).fits
    usable = np.asarray(fits & trains(wide, run.sequences, layouts))
    worth = usable.copy()
    for better in faster:
        worth &= ~(usable[..., better] & (better >= 0))
    shape, each_s = usable.shape, np.full(usable.size, np.inf)

    def time_cells(cells: np.ndarray) -> np.ndarray:
        def row(values: Any) -> Any:
            return np.broadcast_to(values, shape).reshape(-1)[cells]

        designs, splits, taken = map_arrays(wide, row), map_numbers(layouts, row), row(sequences)
        step = train_step(gpu, designs, splits, setup, sequences=taken, seq_len=seq_len)
        return np.asarray(step.total_s) / (taken * seq_len)

    cells = np.flatnonzero(worth)
    for low in range(0, len(cells), CHUNK):
        each_s[cells[low : low + CHUNK]] = time_cells(cells[low : low + CHUNK])
    return each_s.reshape(shape)


def _faster(layouts: TrainLayout) -> tuple[np.ndarray, ...]:
    """For each layout the indices of those that take as many GPUs alike and less time; −1 for none.

    With the same degrees, micro-batch and chunks, less is computed again in less time, and ZeRO 1 sends at most
    what 2 sends, and 2 what 3 sends: where they fit, what is after them need not be timed.
    """
    degrees = [np.asarray(getattr(layouts, name)) for name in (*COUNTS, "sequence_parallel")]
    columns = np.broadcast_arrays(*degrees, layouts.zero, layouts.recompute, layouts.tp)
    mixed = np.zeros(np.size(columns[0]), dtype=np.int64)  # one number for each set of degrees
    for column in columns[: len(degrees)]:
        mixed = mixed * (int(column.max(initial=0)) + 1) + column.reshape(-1).astype(np.int64)
    alike = np.unique(mixed, return_inverse=True)[1]
    zero = columns[-3].astype(int)
    again = np.select([columns[-2] == name for name in RECOMPUTES], range(len(RECOMPUTES)))
    at = np.full((alike.max(initial=-1) + 1, len(ZERO_STAGES), len(RECOMPUTES)), -1)
    at[alike, zero, again] = np.arange(len(alike))
    found = []
    for stage, name in product(ZERO_STAGES[1:], range(len(RECOMPUTES))):
        before = (stage <= zero) & (name <= again) & ((stage < zero) | (name < again))
        found.append(np.where(before, at[alike, stage, name], -1))
    return tuple(one for one in found if np.any(one >= 0))


def taken(layouts: TrainLayout, index: np.ndarray) -> TrainLayout:
    """Some of several layouts, by their places."""
    return map_arrays(broadcast(layouts), lambda values: np.atleast_1d(values)[index])


def _short(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> str:
    nearest = estimate_training(arch, run, layout)
    memory: TrainMemory = nearest.memory
    split = f"tp {layout.tp}, ep {layout.ep}, pp {layout.pp}, dp {layout.dp}, ZeRO {layout.zero}"
    return f"memory: no layout of {arch.name} fits on {run.cluster.num_gpus} GPUs; {split} is {memory.short()}"
