"""Files of runs as columns of numbers and text."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, require
from optimoe.core.files.reading import DelimitedText, Source, parse_json, placed_lines
from optimoe.core.files.reading.cells import plain_numbers, read_number_columns
from optimoe.core.files.reading.delimited import MOST_ROWS
from optimoe.core.files.reading.parquet import read_parquet
from optimoe.core.run import load_run_records
from optimoe.laws.runs.tables.cells import Columns, as_text, columns_of, typed
from optimoe.laws.runs.tables.exports import RUN_NAMES, run_columns, unfold

DELIMITED = (".csv", ".tsv", ".tab", ".psv", ".txt")
RECORDS = (".json", ".jsonl", ".ndjson")
SCALARS = ("Wall time", "Step", "Value")
"""Columns of TensorBoard's exports."""
IN_FOLDERS = (".csv", ".tsv", ".json", ".jsonl")
"""What a folder of exports is taken to hold: text files beside them are notes."""
MOST_SHARED = 10_000
"""Different texts up to which equal ones are made one object: beyond them a column is one of ids."""


def read_tables(paths: Sequence[Path | Source]) -> Columns:
    """Files or folders, one under the other; of several, the column ``file`` says which a row is of.

    Raises:
        ConfigError: One cannot be read, or is there twice.
    """
    require(len(paths) > 0, "runs", "at least one file", "none")
    if len(paths) == 1:
        return read_table(paths[0])
    names = file_stems([name_of(path) for path in paths])
    require(len(set(names)) == len(names), "runs", "different files", ", ".join(names))
    tables = [read_table(path) for path in paths]
    return _stacked(
        [
            {"file": np.full(_num_rows(table), name, dtype=object), **table}
            for name, table in zip(names, tables, strict=True)
        ]
    )


def file_stems(paths: Sequence[Path]) -> list[str]:
    """Stems, with the folder before them where two files have one stem: ``gemstones/runs``."""
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def read_table(path: Path | Source) -> Columns:
    """A file, or the files of a folder one under the other.

    Raises:
        ConfigError: It cannot be read, is empty, or has an ending that says another kind of file.
    """
    files = _files_of(path)
    require(files, str(name_of(path)), "a folder of CSV or JSON files", "none")
    tables = [_read_file(file) for file in files]
    return tables[0] if len(tables) == 1 else _stacked(tables)


def hold_run_records(paths: Sequence[Path | Source]) -> bool:
    """Whether files, and those of folders, are all records of runs, which state their units."""
    files = [file for path in paths for file in _files_of(path)]
    return all(
        name_of(file).suffix.lower() in RECORDS[1:]
        and (isinstance(file, Source) or file.is_file())
        and _holds_run_records(Source.open(file))
        for file in files
    )


def name_of(path: Path | Source) -> Path:
    """What people call a file, or what was sent in place of one."""
    return path.path if isinstance(path, Source) else path


def _files_of(path: Path | Source) -> Sequence[Path | Source]:
    """The files of a folder; what is none stands for itself."""
    if isinstance(path, Source) or not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in IN_FOLDERS)


def _num_rows(table: Columns) -> int:
    return len(next(iter(table.values()), ()))


def _stacked(tables: Sequence[Columns]) -> Columns:
    """Tables one under the other; cells that a table has no column for are empty."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    return {name: _stacked_column([(table.get(name), _num_rows(table)) for table in tables]) for name in names}


def _stacked_column(parts: Sequence[tuple[np.ndarray | None, int]]) -> np.ndarray:
    """Numbers where every table that has the column has numbers there, else text."""
    if any(column is not None and column.dtype == object for column, _ in parts):
        return np.concatenate(
            [np.full(rows, "", dtype=object) if column is None else as_text(column) for column, rows in parts]
        )
    return np.concatenate([np.full(rows, np.nan) if column is None else column for column, rows in parts])


def _read_file(path: Path | Source) -> Columns:
    name = name_of(path)
    ending = name.suffix.lower()
    if ending == ".parquet" and isinstance(path, Path):
        return _typed(columns_of(read_parquet(path)))
    source = Source.open(path)
    if ending in RECORDS:
        return _read_records(source, lines=ending != ".json")
    known = ending in DELIMITED or source.held is not None  # a pipe may have any ending
    require(
        known, str(name), f"a file that ends in {', '.join((*DELIMITED, *RECORDS, '.parquet'))}", ending or "none"
    )
    return unfold(_read_delimited(source), name.stem)


def _read_delimited(source: Source) -> Columns:
    """The columns of a delimited text, block by block: numbers at once, text where a cell is none."""
    table = DelimitedText.of(source)
    texts = {number for number, name in enumerate(table.header) if name in RUN_NAMES}
    parts: list[list[Any]] = [[] for _ in table.header]
    num_rows = 0
    for block in table.blocks():
        num_rows += len(block[0])
        for number, cells in enumerate(block):
            numbers = None if number in texts else plain_numbers(cells)
            if numbers is None:
                texts.add(number)
            parts[number].append(cells if numbers is None else numbers)
    require(num_rows > 0, str(source.path), "a table with rows", "a header alone")
    # a column whose first text stands below numbers is read again: its numbers have lost how they were written
    again = sorted(number for number in texts if any(isinstance(part, np.ndarray) for part in parts[number]))
    for number in again:
        parts[number] = []
    for block in table.blocks() if again else ():
        for number in again:
            parts[number].append(block[number])
    columns = {name: _joined(part) for name, part in zip(table.header, parts, strict=True) if name}
    text = {name: columns[name] for name in columns if columns[name].dtype == object and name not in RUN_NAMES}
    return columns | read_number_columns(text, table.separator, lambda: _has_decimals(columns.values()))


def _joined(parts: Sequence[Any]) -> np.ndarray:
    """Blocks of a column as one; texts that few rows differ in are one object each."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    column = np.empty(sum(map(len, parts)), dtype=object)
    known: dict[str, str] = {}
    first = 0
    for part in parts:
        shared = part if len(known) > MOST_SHARED else list(map(known.setdefault, part, part))
        column[first : first + len(part)] = shared
        first += len(part)
    return column


def _has_decimals(columns: Iterable[np.ndarray]) -> bool:
    numbers = [column[np.isfinite(column)] for column in columns if column.dtype != object]
    return any(bool((column % 1 > 0).any()) for column in numbers)


def _typed(columns: Columns) -> Columns:
    return {name: typed(cells) for name, cells in columns.items()}


def _read_records(source: Source, *, lines: bool) -> Columns:
    path = source.path
    if lines and _holds_run_records(source):
        return _typed(run_columns(load_run_records(source)))
    content = _lines(source) if lines else parse_json(source.whole(), str(path))
    if isinstance(content, list) and content and isinstance(content[0], list):  # TensorBoard's JSON
        alike = all(isinstance(row, list) and len(row) == len(SCALARS) for row in content)
        require(alike, str(path), f"rows of {', '.join(SCALARS)} where one is a list", "others")
        content = [dict(zip(SCALARS, row, strict=True)) for row in content]
    require(isinstance(content, list | dict) and content, str(path), "records or columns", type(content).__name__)
    try:
        return _typed(unfold(columns_of(content), path.stem))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _lines(source: Source) -> list[Any]:
    """The values of a file of JSON lines."""
    content = [parse_json(line, where) for where, line in islice(placed_lines(source), MOST_ROWS + 1)]
    require(content, str(source.path), "a table of runs", "an empty file")
    require(len(content) <= MOST_ROWS, str(source.path), f"a table of at most {MOST_ROWS:,} rows", "more")
    return content


def _holds_run_records(source: Source) -> bool:
    """Whether lines are records that :func:`optimoe.core.run.append_run_record` wrote."""
    return any(line.startswith('{"run": {"name": ') and '"run_id": ' in line for line in source.lines("replace"))
