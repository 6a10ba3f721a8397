"""Measured against fitted times on a grid of shapes, and what lies between its points."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.arrays import Flags, Values


@dataclass(frozen=True)
class RatioGrid:
    """ln(measured/fitted) over the logarithms of sizes; NaN where nothing was measured.

    Attributes:
        axes: Logarithms of the measured sizes, rising, one array an axis.
        logs: ln(measured/fitted) at every point of the grid.
    """

    axes: tuple[np.ndarray, ...]
    logs: Float[np.ndarray, "..."]

    @classmethod
    def of(cls, sizes: Sequence[np.ndarray], measured_s: np.ndarray, fitted_s: np.ndarray) -> "RatioGrid":
        """Make a grid from rows of sizes and seconds; of several rows at one point the fastest counts."""
        axes, places = zip(*(np.unique(size, return_inverse=True) for size in sizes), strict=True)
        logs = np.full([len(axis) for axis in axes], np.inf)
        np.minimum.at(logs, places, np.log(measured_s / fitted_s))
        return cls(tuple(np.log(axis) for axis in axes), np.where(np.isinf(logs), np.nan, logs))

    def ratio(self, *sizes: Values) -> tuple[Values, Flags]:
        """measured/fitted at some sizes, and whether it is known there; 1 where it is not.

        Linear between the corners of a cell, in logarithms; exact at measured points. Known: every corner with
        weight was measured.
        """
        points = np.broadcast_arrays(*(np.log(np.asarray(size, dtype=float)) for size in sizes))
        cells = [_cell(axis, point) for axis, point in zip(self.axes, points, strict=True)]
        total = np.zeros(points[0].shape)
        for corner in itertools.product((0, 1), repeat=len(cells)):
            weight = np.ones(points[0].shape)
            for side, (_, share) in zip(corner, cells, strict=True):
                weight = weight * (share if side else 1 - share)
            index = tuple(
                np.minimum(low + side, len(axis) - 1)
                for side, (low, _), axis in zip(corner, cells, self.axes, strict=True)
            )
            total = total + np.where(weight == 0, 0.0, weight * self.logs[index])
        known = ~np.isnan(total)
        return np.exp(np.where(known, total, 0.0)), known


NEAR = 1e-9
"""Logarithms of sizes closer than this are one point: a computed size meets the measured one that it equals."""


def _cell(axis: np.ndarray, point: Values) -> tuple[Values, Values]:
    """The axis value below a point, and the share of the way to the next; NaN outside the axis."""
    low = np.clip(np.searchsorted(axis, point + NEAR, side="right") - 1, 0, len(axis) - 1)
    high = np.minimum(low + 1, len(axis) - 1)
    width = np.where(high > low, axis[high] - axis[low], 1.0)
    share = (point - axis[low]) / width
    share = np.where(np.abs(share * width) < NEAR, 0.0, share)
    inside = (point > axis[0] - NEAR) & (point < axis[-1] + NEAR)
    return low, np.where(inside, share, np.nan)
