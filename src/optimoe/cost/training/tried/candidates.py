"""What a search of layouts tries: the degrees, and what goes with each."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np

from optimoe.arch.flops import Recompute
from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import broadcast, map_arrays
from optimoe.cost.layers.layout import divisors
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.layout import (
    COUNTS,
    MOST_BATCH_CHANGE,
    ZERO_STAGES,
    TrainLayout,
    batch_kept,
    step_sequences,
)

RECOMPUTES: tuple[Recompute, ...] = ("none", "selective", "full")
ZEROS = (1, 3)
"""What a search tries, each list from the fastest to what takes least memory: see :func:`faster_than`."""
INTERLEAVES = (1, 2, 4)
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""What a search tries: more chunks send more, larger micro-batches leave fewer of them to fill the pipeline."""
LARGEST_STAGES = 64
"""Most pipeline stages tried: as many as the trillion-parameter run of arXiv 2205.05198 takes."""
USUAL_STAGES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Pipeline stages tried on any number of GPUs, beside its divisors."""


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
    """Layouts over at most so many GPUs that keep the batch, as arrays: tp within a node, ep over its ranks.

    Of any number of GPUs each pair of tp and pp takes as many data-parallel ranks as there is room for, down to
    whole parts of the experts; the rest stand idle. ZeRO 3 goes without pipeline stages (each micro-batch would
    gather every stage's weights), interleaving with them. Sequence parallelism goes with tp.
    """
    every = _every_layout(
        num_gpus,
        gpus_per_node,
        most_experts if routed else 1,
        list(product(micro_batches, interleaves, zeros, recomputes)),
    )
    return taken(every, np.flatnonzero(batch_kept(every, sequences)))


def _every_layout(
    num_gpus: int,
    gpus_per_node: int,
    most_experts: int,
    choices: Sequence[tuple[int, int, int, Recompute]] = tuple(
        product(MICRO_BATCHES, INTERLEAVES, ZEROS, RECOMPUTES)
    ),
) -> TrainLayout:
    """Layouts of :func:`candidate_train_layouts` whatever the batch; ``choices`` stand beside the degrees."""
    degrees = np.array(list(_degrees(num_gpus, gpus_per_node, most_experts)), dtype=int)
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
    return taken(every, np.flatnonzero(sensible))


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


def batch_top(run: TrainRun) -> int:
    """Sequences of a step up to which :func:`lines_for` a run holds: the next power of two."""
    return 1 << (run.sequences - 1).bit_length()


@lru_cache(maxsize=16)
def up_to(num_gpus: int, gpus_per_node: int, sequences: int, most_experts: int) -> TrainLayout:
    """Every layout that keeps some batch of up to so many sequences."""
    every = _every_layout(num_gpus, gpus_per_node, most_experts)
    return taken(every, np.flatnonzero(step_sequences(every, 1) <= sequences * (1 + MOST_BATCH_CHANGE)))


def faster_than(layouts: TrainLayout) -> tuple[np.ndarray, ...]:
    """Indices of the layouts that take as many GPUs as each one alike and less time; −1 for none.

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
