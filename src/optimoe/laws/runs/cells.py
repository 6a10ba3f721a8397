"""Columns of raw cells, and cells as numbers or text."""

import ast
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Columns = dict[str, np.ndarray]
"""Columns by name, of equal length: raw cells (objects), numbers or text."""


def columns_of(table: Any) -> Columns:
    """Columns of a mapping, a list of (nested) records or any frame."""
    if isinstance(table, list):
        flat = [dict(_flatten(record)) for record in table]
        names = list(dict.fromkeys(name for record in flat for name in record))
        table = {name: [record.get(name, "") for record in flat] for name in names}
    elif not isinstance(table, Mapping):
        import narwhals

        table = narwhals.from_native(table, eager_only=True).to_dict(as_series=False)
    return {name: np.array(values, dtype=object) for name, values in table.items()}


def _flatten(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Nested records with dotted names, as MLflow writes them: ``config.width``, ``summary.loss``."""
    for name, value in record.items():
        if isinstance(value, str) and value.startswith("{"):  # a record inside a CSV cell (W&B's run table)
            with contextlib.suppress(ValueError, SyntaxError):
                value = ast.literal_eval(value)
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + str(name), value


def typed(values: np.ndarray) -> np.ndarray:
    """Numbers where every cell is one (or empty: NaN), else text."""
    try:
        return np.array([np.nan if value in ("", None) else float(value) for value in values])
    except (TypeError, ValueError):
        return as_text(values)


def as_text(values: np.ndarray) -> np.ndarray:
    """Cells as text; whole numbers without a decimal point."""
    return np.array([f"{value:g}" if isinstance(value, float) else str(value) for value in values], dtype=object)
