"""Tables of delimited text: commas, semicolons, tabs or bars, a header, and cells of any length."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading import not_text, open_text

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
SNIFFED_ROWS = 20
"""Rows that say which separator splits them all alike."""
LONGEST_CELL = 2**31 - 1
"""The csv module refuses cells above 131,072 characters by default; a tracker's summary cell is longer."""
BLOCK_ROWS = 512
"""Rows that are split at once: their cells stay in the processor's cache while they become columns, which takes
half of the time of 16,384 rows at once."""
SAYS_SEPARATOR = "sep="
"""Excel's first line ``sep=;``, which names the separator."""

Block = list[Sequence[str]]
"""Some rows as columns of cells, in the order of the header."""


@dataclass(frozen=True, kw_only=True)
class DelimitedText:
    """A table in a text file, read a block of rows at a time.

    The separator is the one of ``, ; tab |`` that splits the most of the first rows like the header, then the one
    that splits the header most. (The standard library's sniffer takes any character that is equally frequent in
    every line, a letter too.)

    Attributes:
        path: The file.
        separator: Between its cells.
        header: Names of its columns, without the space around them; empty for a column without a name.
        skipped: Lines before the header.
    """

    path: Path
    separator: str
    header: tuple[str, ...]
    skipped: int = 0

    @classmethod
    def open(cls, path: Path) -> "DelimitedText":
        """A file as a table: its separator and its header.

        Raises:
            ConfigError: It cannot be read, is empty, has no header, or names a column twice.
        """
        with _readable(path), open_text(path) as stream:
            lines = list(islice(stream, 1))
            stated = lines[0].strip() if lines else ""
            skipped = int(stated.lower().startswith(SAYS_SEPARATOR) and len(stated) == len(SAYS_SEPARATOR) + 1)
            separators = stated[-1:] if skipped else "".join(SEPARATORS)
            lines = [*([] if skipped else lines), *islice(stream, SNIFFED_ROWS)]
            require(any(line.strip() for line in lines), str(path), "a table with a header", "an empty file")
            separator = max(separators, key=lambda one: _fit(lines, one))
        header = tuple(name.strip() for name in next(_rows(lines, separator)))
        numbers = all(map(_is_number, header))
        require(not numbers, str(path), "a table whose first line names its columns", shown(", ".join(header)))
        for name in header:
            require(
                not name or header.count(name) == 1, str(path), "a table of different columns", f"{name} twice"
            )
        return cls(path=path, separator=separator, header=header, skipped=skipped)

    def blocks(self) -> Iterator[Block]:
        """The rows, without blank lines; cells that a row lacks at its end are empty.

        Raises:
            ConfigError: A row has more cells than the header, or the text cannot be decoded.
        """
        width, first = len(self.header), 1
        with _readable(self.path), open_text(self.path) as stream:
            rows = _rows(islice(stream, self.skipped, None), self.separator)
            next(rows)  # the header
            while block := list(islice(rows, BLOCK_ROWS)):
                if set(map(len, block)) != {width}:
                    block = [self._filled(row, first + number) for number, row in enumerate(block)]
                yield list(zip(*block, strict=True))
                first += len(block)

    def _filled(self, row: list[str], number: int) -> list[str]:
        width = len(self.header)
        if any(cell.strip() for cell in row[width:]):
            raise ConfigError(
                f"{self.path}: row {number}: must have {width} cells like the header, got {len(row)} (cells are "
                f"separated by {SEPARATORS.get(self.separator, self.separator)}: quote those that hold one)"
            )
        return row[:width] + [""] * (width - len(row))


def _rows(lines: Any, separator: str) -> Iterator[list[str]]:
    """The rows of cells, without those that are blank lines."""
    return filter(None, csv.reader(lines, delimiter=separator, skipinitialspace=True))


def _fit(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """How many of the rows a separator splits like the header, and into how many cells; none for one cell."""
    try:
        widths = [len(row) for row in _rows(lines, separator)]
    except csv.Error:
        return (0, 0)
    return (widths.count(widths[0]), widths[0]) if widths and widths[0] > 1 else (0, 0)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Cells of any length are read, and what cannot be is one line."""
    csv.field_size_limit(LONGEST_CELL)  # of the process, and left so: others may be reading at the same time
    try:
        yield
    except UnicodeError as error:
        raise not_text(path, error) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except csv.Error as error:
        raise ConfigError(f"{path}: cannot be read as a table ({error})") from None
