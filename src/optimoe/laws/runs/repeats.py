"""Rows that are not independent: one run listed twice, exactly or nearly, and points of one training curve."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

SAME_VARIABLE = 1e-3
"""Relative: exports print sizes and tokens to three digits or more, and two designs of a ladder differ by more."""
SAME_LOSS = 2e-4
"""Relative, half a thousandth of a nat: exports round to there; seeds of one design lie ten times further apart
(2 to 10 thousandths of a nat in the public run tables)."""
NAMED_PAIRS = 3
MIXERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)
"""Odd constants of Steele, Lea and Flood's SplitMix64 (2014), which spread keys over 64 bits."""

Columns = Mapping[str, np.ndarray]


def exact_repeats(columns: Sequence[np.ndarray]) -> Int[np.ndarray, " repeats"]:
    """Rows that are equal to an earlier one in every column."""
    first, rows = _same_keys(_keys([_codes(column) for column in columns]))
    return np.sort(rows[np.logical_and.reduce([column[rows] == column[first] for column in columns])])


def near_repeats(variables: Columns, loss: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows that agree in every variable within 0.1 % and in the loss within 0.02 %, the earlier first."""
    # the cells of a grid hold most pairs within half their width; a second grid, moved by half, most of the others
    widths = [*((column, 2 * SAME_VARIABLE) for column in variables.values()), (loss, 2 * SAME_LOSS)]
    logs = [(np.log(np.maximum(column, np.finfo(float).tiny)), width) for column, width in widths]
    pairs: set[tuple[int, int]] = set()
    for shift in (0.0, 0.5):
        cells = [np.floor(log / width + shift).astype(np.int64).view(np.uint64) for log, width in logs]
        first, rows = _same_keys(_keys(cells))
        near = np.ones(len(rows), dtype=bool)
        for log, width in logs:
            near &= np.abs(log[rows] - log[first]) <= width / 2
        pairs |= set(zip(first[near].tolist(), rows[near].tolist(), strict=True))
    return sorted(pairs)


def points_of_curves(variables: Columns, run: np.ndarray) -> Bool[np.ndarray, " runs"]:
    """Rows whose run has other rows too, at the same sizes and other tokens: points of one training curve."""
    sizes = [_codes(column) for name, column in variables.items() if name[0] not in "DC"]
    key = _keys([_codes(run), *sizes])
    _, which, count = np.unique(key, return_inverse=True, return_counts=True)
    return count[which] > 1


def _codes(column: np.ndarray) -> np.ndarray:
    """A column as whole numbers of 64 bits, equal where its values are."""
    if column.dtype != object:
        return (column.astype(float) + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
    known: dict[object, int] = {}
    return np.fromiter((known.setdefault(cell, len(known)) for cell in column), np.uint64, len(column))


def _keys(codes: Sequence[np.ndarray]) -> np.ndarray:
    """One number of 64 bits for each row."""
    key = np.zeros(len(codes[0]), dtype=np.uint64)
    for code in codes:
        key = (key ^ code) * np.uint64(MIXERS[0])
        key = (key ^ (key >> np.uint64(29))) * np.uint64(MIXERS[1])
    return key


def _same_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first row with the key, later row with it) for every row that has a key of an earlier one."""
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    rows = np.flatnonzero(first[which] != np.arange(len(keys)))
    return first[which[rows]], rows
