"""Columns of raw cells, and cells as numbers or text."""

import ast
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading.cells import read_number, read_numbers

Columns = dict[str, np.ndarray]
"""Columns by name, of equal length: numbers (NaN where a cell is blank), or raw cells and text (objects)."""

EXACT = 2.0**53
"""Whole numbers below this are what they were in the table; they are written in full."""


def columns_of(table: Any) -> Columns:
    """Columns of a mapping, a list of (nested) records or any frame.

    Raises:
        ConfigError: It is none of these, or its columns are of different lengths.
    """
    if isinstance(table, list):
        table = _columns_of_records(table)
    elif not isinstance(table, Mapping):
        table = _columns_of_frame(table)
    columns = {str(name): _column(str(name), values) for name, values in table.items()}
    lengths = {len(column) for column in columns.values()}
    require(len(lengths) <= 1, "table", "of columns of one length", sorted(lengths))
    return columns


def _columns_of_records(records: list[Any]) -> dict[str, list[Any]]:
    for number, record in enumerate(records, 1):
        require(
            isinstance(record, Mapping),
            f"table: record {number}",
            "a table of values by name",
            shown(repr(record)),
        )
    flat = [dict(flatten(record)) for record in records]
    names = list(dict.fromkeys(name for record in flat for name in record))
    return {name: [record.get(name, "") for record in flat] for name in names}


def _columns_of_frame(frame: Any) -> dict[str, Any]:
    try:
        import narwhals
    except ImportError:
        raise ConfigError("table: data frames need narwhals (pip install 'optimoe[tables]')") from None
    try:
        taken = narwhals.from_native(frame, eager_only=True)
    except TypeError:
        raise ConfigError(f"table: must be columns, records or a data frame, got {type(frame).__name__}") from None
    return {
        name: taken[name].to_numpy() if taken[name].dtype.is_numeric() else taken[name].to_list()
        for name in taken.columns
    }


def _column(name: str, values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values.astype(float) if values.dtype.kind in "fiub" else values.astype(object)
    many = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
    require(many, f"table: {name}", "a column of values", shown(repr(values)))
    cells = list(values)
    column = np.empty(len(cells), dtype=object)  # of lists of one length NumPy would make a matrix
    column[:] = cells
    return column


def flatten(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Nested records with dotted names, as MLflow writes them: ``config.width``, ``summary.loss``."""
    for name, value in record.items():
        if isinstance(value, str) and value.startswith("{"):
            value = record_of(value)
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + str(name), value


def record_of(cell: str) -> Any:
    """The record inside a cell (W&B's run table), or the cell where it holds none."""
    # a cell may be anything, nested as deep as its writer liked
    with contextlib.suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return ast.literal_eval(cell)
    return cell


def typed(cells: np.ndarray) -> np.ndarray:
    """Numbers where every cell is one (or blank: NaN), else text."""
    if cells.dtype != object:
        return cells
    try:
        return cells.astype(float)
    except (TypeError, ValueError, OverflowError):
        numbers = read_numbers("" if cell is None else str(cell) for cell in cells)
    return as_text(cells) if numbers is None else numbers


def numbers_among_text(cells: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """A column of text as numbers (NaN where a cell is none), and the cells that are none, by row."""
    known = {cell: clear_number(str(cell)) for cell in set(cells.tolist())}
    numbers = np.array([known[cell] for cell in cells], dtype=float)  # None becomes NaN
    return numbers, {row: str(cell) for row, cell in enumerate(cells) if known[cell] is None}


def clear_number(cell: str) -> float | None:
    """A cell as a number with a decimal point; nothing where it is one with a decimal comma too, as ``1,234``."""
    point, comma = read_number(cell), read_number(cell, ",")
    return None if comma is not None and point is not None and point != comma and "," in cell else point


def as_text(cells: np.ndarray) -> np.ndarray:
    """Cells as text; whole numbers without a decimal point."""
    if cells.dtype != object:
        kinds, which = np.unique(cells, return_inverse=True)
        return np.array([_number_text(float(kind)) for kind in kinds], dtype=object)[which]
    if set(map(type, cells.tolist())) == {str}:
        return cells
    known: dict[Any, str] = {}
    return np.array(
        [known.setdefault(cell, cell) if type(cell) is str else _text(cell) for cell in cells], dtype=object
    )


def _text(cell: Any) -> str:
    return _number_text(cell) if isinstance(cell, float) else "" if cell is None else str(cell)


def _number_text(number: float) -> str:
    if number.is_integer() and abs(number) < EXACT:
        return str(int(number))
    return "" if np.isnan(number) else f"{number:.12g}"
