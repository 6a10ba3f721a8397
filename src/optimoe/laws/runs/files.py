"""Files of runs as columns of raw cells."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, require
from optimoe.core.run import load_run_records
from optimoe.laws.runs.cells import Columns, columns_of
from optimoe.laws.runs.exports import run_columns, unfold


def read_tables(paths: Sequence[Path]) -> Columns:
    """Files or folders, one under the other; of several, the column ``file`` says which a row is of.

    Raises:
        ConfigError: One cannot be read, or is there twice.
    """
    require(len(paths) > 0, "runs", "at least one file", "none")
    if len(paths) == 1:
        return read_table(paths[0])
    names = _file_names(paths)
    require(len(set(names)) == len(names), "runs", "different files", ", ".join(names))
    tables = [read_table(path) for path in paths]
    return _stacked(
        [
            {"file": np.full(_num_rows(table), name, dtype=object), **table}
            for name, table in zip(names, tables, strict=True)
        ]
    )


def _file_names(paths: Sequence[Path]) -> list[str]:
    """Stems, with the folder before them where two files have one stem: ``gemstones/runs``."""
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def read_table(path: Path) -> Columns:
    """A file, or the files of a folder one under the other."""
    if not path.is_dir():
        return _read_file(path)
    files = sorted(file for file in path.iterdir() if file.suffix in (".csv", ".json", ".jsonl"))
    require(files, str(path), "a folder of CSV or JSON files", "none")
    return _stacked([_read_file(file) for file in files])


def _num_rows(table: Columns) -> int:
    return len(next(iter(table.values()), ()))


def _stacked(tables: Sequence[Columns]) -> Columns:
    """Tables one under the other; cells that a table has no column for are empty."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    blank = [np.full(_num_rows(table), "", dtype=object) for table in tables]
    return {
        name: np.concatenate([table.get(name, empty) for table, empty in zip(tables, blank, strict=True)])
        for name in names
    }


def _read_file(path: Path) -> Columns:
    try:
        if path.suffix == ".parquet":
            return columns_of(_read_parquet(path))
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl" and _holds_run_records(text):
            return run_columns(load_run_records(path))
        if path.suffix == ".csv":
            records: list[Any] = list(csv.DictReader(text.splitlines()))
        else:
            records = _json_records(text, path.suffix)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    return unfold(columns_of(records), path.stem)


def _json_records(text: str, suffix: str) -> Any:
    if suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    content = json.loads(text)
    if isinstance(content, list) and content and isinstance(content[0], list):  # TensorBoard's JSON
        return [dict(zip(("Wall time", "Step", "Value"), row, strict=True)) for row in content]
    return content


def _holds_run_records(text: str) -> bool:
    """Whether lines are records that :func:`optimoe.core.run.append_run_record` wrote."""
    return any(line.startswith('{"run": {"name": ') and '"run_id": ' in line for line in text.split("\n"))


def _read_parquet(path: Path) -> Any:
    for library in ("pyarrow.parquet", "polars"):
        try:
            module = __import__(library, fromlist=["read"])
        except ImportError:
            continue
        return (module.read_table if library.startswith("pyarrow") else module.read_parquet)(path)
    raise ConfigError(f"{path}: Parquet needs pyarrow or polars (pip install 'optimoe[tables]')")
