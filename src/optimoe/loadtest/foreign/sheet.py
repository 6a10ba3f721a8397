"""Tables of measured levels, a row each, with the column names of InferenceX, of records, or words like them."""

import math
from pathlib import Path
from typing import Any

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading import DelimitedText, Source
from optimoe.core.files.reading.cells import read_number
from optimoe.loadtest.foreign.level import ForeignLevel
from optimoe.loadtest.foreign.tables import known, seconds

COLUMNS = {
    "model": ("model",),
    "gpu": ("gpu", "hw", "hardware"),
    "num_gpus": ("num_gpus", "gpus"),
    "engine": ("engine", "framework"),
    "engine_version": ("engine_version", "version"),
    "precision": ("precision",),
    "kv_precision": ("kv_precision",),
    "tp": ("tp",),
    "ep": ("ep",),
    "pp": ("pp",),
    "dp": ("dp",),
    "measured_utc": ("measured_utc", "date"),
    "input_tokens": ("input_tokens", "isl"),
    "output_tokens": ("output_tokens", "osl"),
    "concurrency": ("concurrency", "conc"),
}
"""Fields of a record by the columns that hold them, in lower case."""

TEXTS = ("model", "gpu", "engine", "engine_version", "precision", "kv_precision", "measured_utc")

TIMES = {"ttft_s": ("median_ttft", "p50_ttft", "ttft"), "tpot_s": ("median_tpot", "p50_tpot", "tpot")}
"""Medians by their columns, behind which a unit stands: ``median_ttft_ms``, ``ttft (s)``. Without one they are in
seconds, as in InferenceX's own results."""


def read_sheet(source: Source) -> tuple[ForeignLevel, ...]:
    """The rows of a delimited table as levels.

    Raises:
        ConfigError: The table cannot be read, has no columns of medians, or a cell is no number.
    """
    table, path = DelimitedText.of(source), source.path
    header = [name.lower() for name in table.header]
    times = {field: _time_column(path, header, names) for field, names in TIMES.items()}
    rows = [row for block in table.blocks() for row in zip(*block, strict=True)]
    levels = []
    for number, row in enumerate(rows, table.skipped + 2):
        where, cells = f"{path}:{number}", dict(zip(header, row, strict=True))
        facts: dict[str, Any] = {}
        for field, names in COLUMNS.items():
            cell = next((cells[name].strip() for name in names if cells.get(name, "").strip()), "")
            facts[field] = cell if field in TEXTS or not cell else _whole(where, field, cell)
        for field, (column, unit) in times.items():
            facts[field] = seconds(where, _value(where, column, cells[column]), unit)
        levels.append(ForeignLevel(where=where, facts=known(**facts, source=where)))
    return tuple(levels)


def _time_column(path: Path, header: list[str], names: tuple[str, ...]) -> tuple[str, str]:
    """The column of a median, and its unit."""
    for name in names:
        for unit in ("", "s", "ms", "us"):
            for column in (f"{name}_{unit}".rstrip("_"), f"{name} ({unit})"):
                if column in header:
                    return column, unit or "s"
    raise ConfigError(f"{path}: must have a column {names[0]} or {names[0]}_ms, got {shown(', '.join(header))}")


def _value(where: str, column: str, cell: str) -> float:
    value = read_number(cell)
    fine = value is not None and 0 <= value < math.inf
    require(fine, f"{where}: {shown(column)}", "a number, zero or more and finite", repr(cell))
    return value or 0.0


def _whole(where: str, field: str, cell: str) -> int:
    value = _value(where, field, cell)
    if value != int(value):
        raise ConfigError(f"{where}: {field}: must be a whole number, got {shown(repr(cell))}")
    return int(value)
