"""Tables of training runs become observations: columns mapped, rows checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, require
from optimoe.laws.runs.cells import as_text, columns_of, typed
from optimoe.laws.runs.checks import bad_rows as why_unusable
from optimoe.laws.runs.checks import check_table
from optimoe.laws.runs.files import read_tables
from optimoe.laws.runs.formulas import evaluate, named
from optimoe.laws.runs.observations import Flag, Observations

LABELS = ("run", "seed", "budget", "tokenizer", "dataset", "status", "file")
"""Columns taken as labels under their own name when the table has them."""
LISTED_ROWS = 5

BadRows = Literal["refuse", "exclude"]


def load_observations(
    path: Path | Sequence[Path],
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
) -> Observations:
    """Read runs from a file or a folder of files: CSV, JSON, JSON lines (also those of a trainer), Parquet.

    Exports are recognised by their columns: TensorBoard's (``Wall time``, ``Step``, ``Value``), the charts
    and run tables of W&B, the run tables of MLflow (dotted names).

    Args:
        path: The file, or a folder of CSV and JSON files that are read as one table. Several are put one under the
            other; the label ``file`` is the stem of each, with its folder where two stems are the same.
        columns: Symbol to column name or formula, such as ``{"N": "params", "D": "flops/(6*params)"}``.
            Without it, every numeric column is a variable under its own name.
        where: Rows to take, a condition on the table's columns: ``"k == 1 and router == 'S-Base'"``.
        labels: Further label to column name.
        bad_rows: What to do with rows that cannot be used: ``refuse`` the table, or ``exclude`` and flag.

    Raises:
        ConfigError: The file cannot be read, or a row or column cannot be used.
    """
    paths = (path,) if isinstance(path, Path) else tuple(path)
    source = ", ".join(map(str, paths))
    return as_observations(
        read_tables(paths), columns, where=where, labels=labels, bad_rows=bad_rows, source=source
    )


def as_observations(
    table: Any,
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
    source: str = "table",
) -> Observations:
    """Runs from a mapping of columns, or from any data frame (pandas, polars, pyarrow… through narwhals).

    Arguments and errors are those of :func:`load_observations`.
    """
    raw = {name: typed(values) for name, values in columns_of(table).items()}
    rows = np.arange(1, len(next(iter(raw.values()), ())) + 1)
    if where:
        taken = np.broadcast_to(np.asarray(evaluate(where, raw), dtype=bool), rows.shape)
        raw, rows = {name: column[taken] for name, column in raw.items()}, rows[taken]
    text = {name: as_text(raw[name]) for name in LABELS if name in raw}
    text |= {name: as_text(named(raw, column)) for name, column in (labels or {}).items()}
    if columns is None:
        columns = {name: name for name, column in raw.items() if column.dtype != object and name not in text}
    values = {name: _numbers(name, evaluate(formula, raw), len(rows)) for name, formula in columns.items()}
    require("loss" in values, "columns", "with one called loss (map it: loss=COLUMN)", sorted(values))
    check_table(values, text)
    reasons = why_unusable(values, text)
    if reasons and bad_rows == "refuse":
        listed = "; ".join(f"row {rows[row]}: {why}" for row, why in list(reasons.items())[:LISTED_ROWS])
        raise ConfigError(f"{source}: {len(reasons)} rows cannot be used ({listed}): mend or exclude them")
    good = np.ones(len(rows), dtype=bool)
    good[list(reasons)] = False
    run = text.get("run", np.full(len(rows), "", dtype=object))
    return Observations(
        variables={name: column[good] for name, column in values.items() if name != "loss"},
        loss=values["loss"][good],
        labels={name: column[good] for name, column in text.items()},
        rows=rows[good],
        source=source,
        flags=tuple(
            Flag(row=int(rows[row]), run=str(run[row]), reason=why, used=False) for row, why in reasons.items()
        ),
    )


def _numbers(name: str, column: Any, num_rows: int) -> Float[np.ndarray, " runs"]:
    try:
        return np.broadcast_to(np.asarray(column, dtype=float), (num_rows,)).copy()
    except ValueError:
        raise ConfigError(f"{name}: must be numbers, got text") from None
