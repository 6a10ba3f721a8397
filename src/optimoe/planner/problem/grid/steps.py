"""The steps of widths, depths, heads and experts: what kernels like, and how fine a grid has to be."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int

from optimoe.arch.design import EXPERT_STEP
from optimoe.core.arrays import Values

WIDTH_STEPS = ((2_048, 256), (8_192, 512), (math.inf, 1_024))
"""Multiples that d_model is of, up to a width: a step is an eighth to a quarter of the width at which it begins.

All are multiples of 256, a row of tiles of 128 for two tensor-parallel ranks."""

DEPTH_STEPS = ((8, 1), (32, 2), (96, 4), (math.inf, 8))
"""Multiples that the number of layers is of, up to a depth, about an eighth of it.

Loss and price are smooth in depth, so that the choice between neighbours is free; multiples of 2, 4 and 8 leave
equal stages to as many pipeline ranks. Depths between them are designs of a space with ``depth_step`` 1."""

HEADS_STEP = 8
"""Heads are multiples of this: a node of eight GPUs splits them evenly, as it does those of 30 of the 33 MoEs in
``lab_designs`` whose shape is whole (the others have 20, 28 and 36)."""

WIDE_EXPERT, WIDE_STEP = 512, 128
"""From this width experts are multiples of 128: fp8 weights are scaled in blocks of 128 × 128 (DeepSeek-V3, arXiv
2412.19437, Sec. 3.3.2), and halves of it stay whole tiles of 64. For narrower ones that is a quarter of the width
or more, so they take tiles of 64 (:data:`optimoe.arch.design.EXPERT_STEP`)."""

MISS = 0.125
"""A design whose experts tiles make so much wider or narrower than its family says is none of it: the ratios 3 and
4 are 0.29 apart, and a design would stand in two families."""


def widths_of(largest: int, step: int) -> Int[np.ndarray, " widths"]:
    """Every d_model up to the largest, in multiples of a step; step 0: of :data:`WIDTH_STEPS`."""
    return _multiples(largest, WIDTH_STEPS if step == 0 else ((math.inf, step),))


def depths_of(deepest: int, step: int, periods: Iterable[int]) -> Int[np.ndarray, " depths"]:
    """Every number of layers up to the deepest: multiples of a step, or of :data:`DEPTH_STEPS` where that is 0.

    A step of those is rounded up to whole periods of dense and routed layers, for each of several.
    """
    if step > 0:
        return _multiples(deepest, ((math.inf, step),))
    rows = [
        _multiples(deepest, [(largest, -(-one // period) * period) for largest, one in DEPTH_STEPS])
        for period in set(periods)
    ]
    return np.unique(np.concatenate(rows))


def _multiples(largest: int, steps: Iterable[tuple[float, int]]) -> Int[np.ndarray, " multiples"]:
    rows, low = [], 0
    for high, step in steps:
        first = (low // step + 1) * step
        rows.append(np.arange(first, min(high, largest) + 1, step))
        low = int(min(high, largest))
    return np.concatenate(rows).astype(int)


def heads_of(d_model: Values, head_dim: int, step: int) -> Values:
    """The heads that come nearest to spanning a width, rounded up between two: a multiple of the step.

    Where they are fewer than the step, a power of two; for that the step must be one.
    """
    spanning = np.asarray(d_model) / head_dim
    whole = np.floor(spanning / step + 0.5) * step
    if step & (step - 1):
        return np.maximum(whole, step).astype(int)
    power = 2 ** np.maximum(np.round(np.log2(spanning)), 0)
    return np.where(spanning >= step, whole, np.minimum(power, step)).astype(int)


def expert_width(wanted: Values, *, stated: Any = True) -> Values:
    """The width in tiles that is nearest to the wanted one; stated ones are multiples of 64, however wide."""
    step = np.where(np.asarray(stated) | (np.asarray(wanted) < WIDE_EXPERT), EXPERT_STEP, WIDE_STEP)
    return (np.maximum(np.round(wanted / step), 1) * step).astype(int)
