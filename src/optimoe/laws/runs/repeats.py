"""Rows that are not independent: one run listed twice, exactly or nearly, and points of one training curve."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

SAME_VARIABLE = 1e-3
"""Relative: exports print sizes and tokens to three digits or more, and two designs of a ladder differ by more."""
SAME_LOSS = 2e-4
"""Relative, half a thousandth of a nat: exports round to there. Seeds of one design differ by 0.7 to 60
thousandths (standard deviations in ``routing_curves``): where a table names the seed, they are never a repeat."""
CELL = 8
"""Cells of the grid in widths of a near repeat: few pairs lie on an edge in both grids, and few rows in a cell."""
COMPARED = 3
"""Rows of a cell that each is compared with."""
MOST_COMPARED = 10_000
"""Rows: so many that fill 2.6 decades of N and of D with 1 % of noise have 0.06 pairs by chance, a million 600."""
NAMED_PAIRS = 3
MIXERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)
"""Odd constants of Steele, Lea and Flood's SplitMix64 (2014), which spread keys over 64 bits."""

Columns = Mapping[str, np.ndarray]


def exact_repeats(columns: Sequence[np.ndarray]) -> Int[np.ndarray, " repeats"]:
    """Rows that are equal to an earlier one in every column."""
    found = np.arange(len(columns[0]))
    # numbers first: text is compared in the few rows that are equal in every number
    for kind in (False, True):
        part = [_codes(column[found]) for column in columns if kind or column.dtype != object]
        first, rows = _same_keys(_keys(part)) if part and len(found) else (found, found)
        repeated = rows if kind else np.union1d(first, rows)
        found = found[repeated]
    return found


def near_repeats(variables: Columns, loss: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows that agree in every variable within 0.1 % and in the loss within 0.02 %, the earlier first.

    Nothing is sought among more than 10,000 rows: there, neighbours lie so close by chance.
    """
    if len(loss) > MOST_COMPARED:
        return []
    near = [(column, SAME_VARIABLE) for column in variables.values()] + [(loss, SAME_LOSS)]
    logs = [(np.log(np.maximum(column, np.finfo(float).tiny)), share) for column, share in near]
    pairs: set[tuple[int, int]] = set()
    for shift in (0.0, 0.5):  # pairs on both sides of a cell's edge share a cell of the grid that is moved by half
        cells = [np.floor(log / (CELL * share) + shift).astype(np.int64).view(np.uint64) for log, share in logs]
        key = _keys(cells)
        order = np.argsort(key, kind="stable")
        for step in range(1, COMPARED + 1):
            same = np.flatnonzero(key[order[:-step]] == key[order[step:]])
            this, following = order[same], order[same + step]
            near_enough = np.ones(len(same), dtype=bool)
            for log, share in logs:
                near_enough &= np.abs(log[this] - log[following]) <= share
            pairs |= set(zip(this[near_enough].tolist(), following[near_enough].tolist(), strict=True))
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
