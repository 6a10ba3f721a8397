"""Parquet as columns, a row group at a time, and never more than fits: few bytes can stand for many."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading.delimited import MOST_COLUMNS, MOST_ROWS
from optimoe.core.files.reading.text import Source

MOST_UNPACKED = 2**30
"""Bytes that the pages of a file may state to be after decompression."""
MOST_CELLS = 2**27
"""Cells of all columns, those of lists inside of a cell too: a gigabyte of numbers."""


def read_parquet(path: Path) -> dict[str, np.ndarray]:
    """The columns of a file: numbers (NaN where there is none), or objects (None where there is none).

    Equal texts are one object, as they are one entry of a dictionary in the file. Columns of records are one
    column a value, with dotted names.

    Raises:
        ConfigError: It cannot be read, is no Parquet, names a column twice, or unpacks to more than fits.
    """
    try:
        library: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(f"{path}: Parquet needs pyarrow (pip install 'optimoe[tables]')") from None
    arrow: Any = import_module("pyarrow")
    source = Source.open(path)
    with _readable(path, arrow):
        stated = library.read_metadata(_place(source))
        _require_fit(path, stated)
        leaves = [stated.schema.column(number) for number in range(stated.num_columns)]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        parts: dict[str, list[np.ndarray]] = {}
        with library.ParquetFile(_place(source), read_dictionary=texts) as file:
            for group in range(stated.num_row_groups):
                table = _flat(file.read_row_group(group), arrow)
                names = table.column_names
                require(
                    len(set(names)) == len(names), str(path), "a table of different columns", shown(repr(names))
                )
                for name in names:
                    parts.setdefault(name, []).append(_cells(table.column(name), arrow))
    require(parts, str(path), "a table with rows", "none")
    return {name: np.concatenate(cells) for name, cells in parts.items()}


def _place(source: Source) -> Any:
    return source.path if source.held is None else io.BytesIO(source.held)


def _require_fit(path: Path, stated: Any) -> None:
    """Refuse, before anything is unpacked, what its own figures say is too much.

    Raises:
        ConfigError: With the limit and the figure.
    """
    rows, columns = stated.num_rows, stated.num_columns
    require(rows <= MOST_ROWS, str(path), f"a table of at most {MOST_ROWS:,} rows", f"{rows:,}")
    require(columns <= MOST_COLUMNS, str(path), f"a table of at most {MOST_COLUMNS:,} columns", f"{columns:,}")
    groups = [stated.row_group(number) for number in range(stated.num_row_groups)]
    cells = sum(group.column(number).num_values for group in groups for number in range(columns))
    require(cells <= MOST_CELLS, str(path), f"a table of at most {MOST_CELLS:,} cells", f"{cells:,}")
    unpacked = sum(group.total_byte_size for group in groups)
    require(unpacked <= MOST_UNPACKED, str(path), f"of at most {MOST_UNPACKED:,} bytes unpacked", f"{unpacked:,}")


def _flat(table: Any, arrow: Any) -> Any:
    """A table without columns of records: one column a value of theirs."""
    while any(arrow.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _cells(column: Any, arrow: Any) -> np.ndarray:
    """A column as numbers or objects."""
    kinds, kind = arrow.types, column.type
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind):
        number = arrow.uint8() if kinds.is_boolean(kind) else kind
        return np.asarray(column.cast(number).cast(arrow.float64(), safe=False).to_numpy(), dtype=float)
    chunks = [
        _shared(chunk) if kinds.is_dictionary(kind) else _objects(chunk.to_pylist()) for chunk in column.chunks
    ]
    return np.concatenate([np.empty(0, dtype=object), *chunks])


def _shared(chunk: Any) -> np.ndarray:
    """Texts of a dictionary, each one object however often it stands."""
    return _objects([*chunk.dictionary.to_pylist(), None])[
        chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    ]


def _objects(cells: Sequence[Any]) -> np.ndarray:
    """Cells as they are: of lists of one length NumPy would make a matrix."""
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column


@contextmanager
def _readable(path: Path, arrow: Any) -> Iterator[None]:
    """What the library cannot read is one line."""
    try:
        yield
    except (arrow.lib.ArrowException, OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as Parquet ({shown(str(error), 100)})") from None
