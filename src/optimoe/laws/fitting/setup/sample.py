"""Some rows of a long table, on which starts are tried: the ends of every variable and an even share between."""

import numpy as np

from optimoe.laws.runs import Observations

LARGE_TABLE = 10_000
"""Rows from which starts are tried on a sample and a refit is a single step: 200 whole refits of so many rows take
seconds, and one step lands within some hundredths of a standard error of where they end (tests hold it)."""
SAMPLED_ROWS = 4_000
"""Rows of the sample: enough to bring a start into the valley of all rows, in about a second for 512 starts."""
SORTED_ROWS = 40_000
"""Rows that are put in order: ten times those taken, whatever the length of the table."""
FEW_KINDS = 64
"""Different values up to which each of a variable's values is sampled on its own: 1 to 512 experts are ten."""
ROWS_A_KIND = 16


def sampled(observations: Observations, rows: int = SAMPLED_ROWS, seed: int = 0) -> Observations:
    """About so many rows: even along the order of every variable, with its ends, and some of each rare value.

    Args:
        observations: A table; one of fewer rows is returned as it is.
        rows: How many to take.
        seed: Of the offset at which an order is begun, and of the rows of a rare value.
    """
    if len(observations) <= rows:
        return observations
    rng = np.random.default_rng(seed)
    ends = [row for column in observations.variables.values() for row in (column.argmin(), column.argmax())]
    seen = np.union1d(rng.choice(len(observations), min(len(observations), SORTED_ROWS), replace=False), ends)
    taken = np.isin(seen, ends)
    step = max(1, len(seen) * len(observations.variables) // rows)
    for column in observations.variables.values():
        order = np.argsort(column[seen], kind="stable")
        taken[order[int(rng.integers(step)) :: step]] = True
        changes = np.flatnonzero(np.diff(column[seen][order])) + 1
        if len(changes) < FEW_KINDS:
            for same in np.split(order, changes):
                taken[rng.choice(same, min(len(same), ROWS_A_KIND), replace=False)] = True
    mask = np.zeros(len(observations), dtype=bool)
    mask[seen[taken]] = True
    return observations.select(mask)
