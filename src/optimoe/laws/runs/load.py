"""Tables of training runs become observations: columns mapped, rows checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading import Source
from optimoe.core.files.reading.cells import read_number
from optimoe.core.formulas import evaluate, named
from optimoe.laws.runs.checks import bad_rows as why_unusable
from optimoe.laws.runs.checks import check_table
from optimoe.laws.runs.names import suggest
from optimoe.laws.runs.observations import Flag, Observations, unusable
from optimoe.laws.runs.remarks import table_remarks
from optimoe.laws.runs.tables.cells import Columns, as_text, clear_number, columns_of, numbers_among_text, typed
from optimoe.laws.runs.tables.files import hold_run_records, name_of, read_tables

LABELS = ("run", "seed", "budget", "tokenizer", "dataset", "status", "file")
"""Columns taken as labels under their own name when the table has them."""
LISTED_ROWS = 5
MOST_SAID = 120
"""Characters that an error line has for them."""
MOSTLY_NUMBERS = 0.5
"""A column with fewer cells that are no number is one of numbers with slips; with more it is text."""
MOST_KINDS = 12
"""Different values up to which a column of text is kept as a label: tokenizers, data sets, routers; no names."""
SEEN_ROWS = 1000
"""Rows in which a column of names shows itself, so that not all of a long table are looked at."""

BadRows = Literal["refuse", "exclude"]


def load_observations(
    path: Path | Source | Sequence[Path | Source],
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
    needs: Sequence[str] = (),
) -> Observations:
    """Read runs from a file or a folder of files: delimited text, JSON, JSON lines (a trainer's too), Parquet.

    Text is separated by commas, semicolons, tabs or bars, in UTF-8 or with a byte order mark; numbers may be
    written 1e9, 45.6B, 1,234,567 or with decimal commas (:mod:`optimoe.core.files.reading.cells`). Exports are
    recognised by their columns: TensorBoard's (``Wall time``, ``Step``, ``Value``), the charts and run tables of
    W&B, the run tables of MLflow (dotted names).

    Args:
        path: The file, its content under a name, or a folder of CSV and JSON files that are read as one table.
            Several are put one under the other; the label ``file`` is the stem of each, with its folder where two
            stems are the same.
        columns: Symbol to column name or formula, such as ``{"N": "params", "D": "flops/(6*params)"}``.
            Without it, every numeric column is a variable under its own name.
        where: Rows to take, a condition on the table's columns: ``"k == 1 and router == 'S-Base'"``.
        labels: Further label to column name.
        bad_rows: What to do with rows that cannot be used: ``refuse`` the table, or ``exclude`` and flag.
        needs: Variables that have to be there, those of the family that is fitted; a table without them is
            answered with a mapping to copy.

    Raises:
        ConfigError: The file cannot be read, a variable is missing, or a row or column cannot be used.
    """
    paths = (path,) if isinstance(path, Path | Source) else tuple(path)
    source = ", ".join(str(name_of(one)) for one in paths)
    units_known = hold_run_records(paths)
    found = _observe(read_tables(paths), columns, where, labels or {}, bad_rows, source, needs, units_known)
    return replace(found, files=tuple(name_of(one).name for one in paths))


def as_observations(
    table: Any,
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
    source: str = "table",
    needs: Sequence[str] = (),
) -> Observations:
    """Runs from a mapping of columns, or from any data frame (pandas, polars, pyarrow… through narwhals).

    Arguments and errors are those of :func:`load_observations`.
    """
    raw = {name: typed(values) for name, values in columns_of(table).items()}
    return _observe(raw, columns, where, labels or {}, bad_rows, source, needs)


def load_designs(
    paths: Sequence[Path], columns: Mapping[str, str] | None, needs: Sequence[str]
) -> dict[str, Float[np.ndarray, " designs"]]:
    """Read designs that were not run: the variables of a law by symbol, from tables without a loss.

    Args:
        paths: Files, as those of runs.
        columns: Symbol to column name or formula; one that is not among them is its own name.
        needs: The symbols.

    Raises:
        ConfigError: A file cannot be read, a variable is missing, or a value is no positive number.
    """
    return as_designs(read_tables(paths), columns, needs, ", ".join(map(str, paths)))


def as_designs(
    raw: Columns, columns: Mapping[str, str] | None, needs: Sequence[str], source: str
) -> dict[str, Float[np.ndarray, " designs"]]:
    """Designs of a table that is read, as :func:`load_designs` has them of files; ``source`` is for error lines.

    Raises:
        ConfigError: A variable is missing, or a value is no positive number.
    """
    rows = np.arange(1, len(next(iter(raw.values()), ())) + 1)
    formulas = {name: (columns or {}).get(name, name) for name in needs}
    values, misread = _mapped(raw, formulas, rows)
    for name, column in values.items():
        bad = {int(row): f"{name} is {column[row]:g}" for row in np.flatnonzero(unusable(name, column))} | misread
        if bad:
            row = min(bad)
            raise ConfigError(f"{source}: row {row + 1}: {bad[row]}")
    return values


def _observe(
    raw: Columns,
    columns: Mapping[str, str] | None,
    where: str,
    labels: Mapping[str, str],
    bad: BadRows,
    source: str,
    needs: Sequence[str],
    units_known: bool = False,
) -> Observations:
    rows = np.arange(1, len(next(iter(raw.values()), ())) + 1)
    if where:
        taken = np.broadcast_to(np.asarray(evaluate(where, raw), dtype=bool), rows.shape)
        require(taken.any(), "where", f"true in a row of {source}", shown(where))
        raw, rows = {name: column[taken] for name, column in raw.items()}, rows[taken]
    text = {name: as_text(raw[name]) for name in LABELS if name in raw}
    text |= {name: as_text(named(raw, column)) for name, column in labels.items()}
    formulas = _own_names(raw, text, needs) if columns is None else columns
    missing = [name for name in (*needs, "loss") if name not in formulas]
    if missing:
        given = [f"{name}={formula}" for name, formula in formulas.items() if columns or name in (*needs, "loss")]
        raise ConfigError(f"{source}: no column for {', '.join(missing)}: {suggest(missing, given, list(raw))}")
    values, misread = _mapped(raw, formulas, rows)
    check_table(values, text, formulas, units_known=units_known)
    unusable_rows = why_unusable(values, text, units_known=units_known)
    reasons = misread | {row: why for row, why in unusable_rows.items() if row not in misread}
    if reasons and bad == "refuse":
        listed = "; ".join(f"row {rows[row]}: {reasons[row]}" for row in sorted(reasons)[:LISTED_ROWS])
        raise ConfigError(
            f"{source}: {len(reasons)} rows cannot be used ({shown(listed, MOST_SAID)}): mend or exclude them"
        )
    good = np.ones(len(rows), dtype=bool)
    good[list(reasons)] = False
    run = text.get("run", np.full(len(rows), "", dtype=object))
    variables = {name: column[good] for name, column in values.items() if name != "loss"}
    text = {name: column[good] for name, column in (_few_kinds(raw, values) | text).items()}
    others = {name: column[good] for name, column in raw.items()}
    loss = values["loss"][good]
    return Observations(
        variables=variables,
        loss=loss,
        labels=text,
        rows=rows[good],
        source=source,
        flags=tuple(
            Flag(row=int(rows[row]), run=str(run[row]), reason=reasons[row], used=False) for row in sorted(reasons)
        ),
        remarks=table_remarks(variables, loss, text, rows[good], formulas["loss"], others) if good.any() else (),
        formulas=dict(formulas),
    )


def _own_names(raw: Columns, text: Columns, needs: Sequence[str]) -> dict[str, str]:
    """Every numeric column under its own name; of those that a family does not need, the ones that can be used."""
    numeric = {name for name, column in raw.items() if column.dtype != object and name not in text}
    asked = {*needs, "loss"} if needs else numeric
    return {
        name: name for name in raw if name in numeric and (name in asked or not unusable(name, raw[name]).any())
    }


def _mapped(raw: Columns, formulas: Mapping[str, str], rows: np.ndarray) -> tuple[Columns, dict[int, str]]:
    """Columns by variable, and the cells in them that are no number, by row."""
    numeric, misread = dict(raw), dict[int, str]()
    for name, column in raw.items():
        if column.dtype == object and any(_uses(formula, name) for formula in formulas.values()):
            numbers, cells = numbers_among_text(column)
            if len(cells) < MOSTLY_NUMBERS * len(rows):
                numeric[name] = numbers
                misread |= {row: f"{name} is {shown(cell)!r}" for row, cell in cells.items() if row not in misread}
    return {name: _numbers(name, evaluate(formula, numeric), rows) for name, formula in formulas.items()}, misread


def _uses(formula: str, name: str) -> bool:
    """Whether a formula is a column, or has it among its names."""
    return formula.strip() == name or name in re.findall(r"[^\W\d][\w.]*", formula)


def _numbers(name: str, column: Any, rows: np.ndarray) -> Float[np.ndarray, " runs"]:
    if isinstance(column, np.ndarray) and column.dtype == object:
        row = next((row for row, cell in enumerate(column) if clear_number(str(cell)) is None), 0)
        cell = str(column[row])
        marks = "a decimal comma, or thousands? Write a point, or separate cells by semicolons"
        hint = f" ({marks})" if read_number(cell, ",") is not None else ""
        raise ConfigError(f"{name}: must be numbers, got text, {shown(cell)!r} in row {rows[row]}{hint}")
    try:
        return np.broadcast_to(np.asarray(column, dtype=float), rows.shape).copy()
    except ValueError:
        raise ConfigError(f"{name}: must be numbers, got text") from None


def _few_kinds(raw: Columns, values: Columns) -> Columns:
    """Further columns of text with a few different values: what two populations of runs may differ in."""
    texts = {name: column for name, column in raw.items() if column.dtype == object and name not in values}
    few = {name: column for name, column in texts.items() if len(set(column[:SEEN_ROWS].tolist())) <= MOST_KINDS}
    return {name: column for name, column in few.items() if 1 < len(set(column.tolist())) <= MOST_KINDS}
