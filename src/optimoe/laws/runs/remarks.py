"""What a table of runs seems to be: points of curves, a run listed twice, losses in another unit."""

from collections.abc import Mapping, Sequence

import numpy as np

from optimoe.laws.runs.checks import BITS
from optimoe.laws.runs.names import find_column
from optimoe.laws.runs.repeats import NAMED_PAIRS, near_repeats, points_of_curves

MOSTLY = 0.5
"""Share of the rows from which a table is one of curves."""

Columns = Mapping[str, np.ndarray]


def table_remarks(
    variables: Columns, loss: np.ndarray, labels: Columns, rows: np.ndarray, formula: str, others: Columns
) -> tuple[str, ...]:
    """Remarks on a table as a whole, in words; none of them keeps a row out.

    Args:
        variables: By symbol.
        loss: Of each row.
        labels: Text by name.
        rows: Number of each row in its table.
        formula: Column or formula of the loss.
        others: Columns of the table by their own name, of which one may name the run.
    """
    remarks = [*_curves(variables, labels, others), *_listed_twice(variables, loss, labels, rows)]
    if BITS.search(formula) and "log" not in formula:
        remarks.append(
            f"loss is {formula}, in bits per byte by its name: the law predicts those, and no law in nats "
            "per token stands beside it (nats = bits * ln 2 * bytes per token)"
        )
    return tuple(remarks)


def _curves(variables: Columns, labels: Columns, others: Columns) -> list[str]:
    named = "run" in labels
    column = "run" if named else find_column("run", others)
    run = labels["run"] if named else others.get(column)
    if run is None:
        return []
    if len(set(run.tolist())) > (1 - MOSTLY / 2) * len(run):  # too many runs for half of the rows to have another
        return []
    points = points_of_curves(variables, run)
    if points.mean() <= MOSTLY:
        return []
    mapped = "" if named else f"--labels run={column} "
    curves = len(set(run[points].tolist()))
    return [
        f"{int(points.sum())} of {len(points)} rows are points of {curves} training curves ({column}), not "
        f"independent runs: draw a run's rows together ({mapped}--cluster run)"
    ]


def _listed_twice(variables: Columns, loss: np.ndarray, labels: Columns, rows: np.ndarray) -> list[str]:
    pairs = [pair for pair in near_repeats(variables, loss) if not _told_apart(labels, *pair)]
    if not pairs:
        return []
    shown: Sequence[str] = [f"{rows[first]} and {rows[second]}" for first, second in pairs[:NAMED_PAIRS]]
    more = f" and {len(pairs) - NAMED_PAIRS} more pairs" if len(pairs) > NAMED_PAIRS else ""
    return [
        f"rows {'; '.join(shown)}{more} agree in every variable within 0.1 % and in the loss within 0.02 %: one "
        "run listed twice? It counts twice in the fit"
    ]


def _told_apart(labels: Columns, first: int, second: int) -> bool:
    """Whether two rows are points of one curve, or runs that differ in the seed."""
    same_run = "run" in labels and labels["run"][first] == labels["run"][second]
    return same_run or ("seed" in labels and labels["seed"][first] != labels["seed"][second])
