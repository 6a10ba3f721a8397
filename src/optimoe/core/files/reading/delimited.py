"""Tables of delimited text: commas, semicolons, tabs or bars, a header, and cells of any length."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from optimoe.core.errors import ConfigError, require, shown
from optimoe.core.files.reading.text import Source, bounded_lines, not_text

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
SNIFFED_ROWS = 20
"""Rows that say which separator splits them all alike."""
LONGEST_CELL = 2**24
"""The csv module refuses cells above 131,072 characters by default; a tracker's summary cell is longer."""
MOST_COLUMNS = 10_000
"""Charts of trackers have a column a run; a table with more is one whose rows became columns."""
MOST_ROWS = 10_000_000
"""Ten times what is timed (``benchmarks/fit_rows.py``): more no longer fits the memory of a laptop, and half a
megabyte of Parquet can hold more."""
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
        source: The file.
        separator: Between its cells.
        header: Names of its columns, without the space around them; empty for a column without a name.
        skipped: Lines before the header.
    """

    source: Source
    separator: str
    header: tuple[str, ...]
    skipped: int = 0

    @classmethod
    def open(cls, path: Path | Source) -> "DelimitedText":
        """A file as a table; errors are those of :meth:`of`."""
        return cls.of(Source.open(path))

    @classmethod
    def of(cls, source: Source) -> "DelimitedText":
        """A file as a table: its separator and its header.

        Raises:
            ConfigError: It cannot be read, is empty, has no header, or names a column twice.
        """
        path = source.path
        with _readable(path), source.text() as stream:
            bounded = bounded_lines(stream, str(path))
            lines = list(islice(bounded, 1))
            stated = lines[0].strip() if lines else ""
            skipped = int(stated.lower().startswith(SAYS_SEPARATOR) and len(stated) == len(SAYS_SEPARATOR) + 1)
            separators = stated[-1:] if skipped else "".join(SEPARATORS)
            lines = [*([] if skipped else lines), *islice(bounded, SNIFFED_ROWS)]
            require(any(line.strip() for line in lines), str(path), "a table with a header", "an empty file")
            separator = max(separators, key=lambda one: _fit(lines, one, path))
            header = tuple(name.strip() for name in next(_rows(lines, separator, path)))
        require(
            len(header) <= MOST_COLUMNS, str(path), f"a table of at most {MOST_COLUMNS:,} columns", len(header)
        )
        numbers = all(map(_is_number, header))
        require(not numbers, str(path), "a table whose first line names its columns", shown(", ".join(header)))
        twice = [name for name, times in Counter(header).items() if name and times > 1]
        require(not twice, str(path), "a table of different columns", f"{shown(''.join(twice[:1]))} twice")
        return cls(source=source, separator=separator, header=header, skipped=skipped)

    @property
    def path(self) -> Path:
        """The file that the table stands in."""
        return self.source.path

    def blocks(self) -> Iterator[Block]:
        """The rows, without blank lines; cells that a row lacks at its end are empty.

        Raises:
            ConfigError: A row has more cells than the header, a quote is not closed, the text cannot be decoded,
                or there are more rows than fit.
        """
        width, first = len(self.header), 1
        with _readable(self.path), self.source.text() as stream:
            lines = bounded_lines(stream, str(self.path))
            rows = _rows(islice(lines, self.skipped, None), self.separator, self.path, strict=True)
            next(rows)  # the header
            while block := list(islice(rows, BLOCK_ROWS)):
                if set(map(len, block)) != {width}:
                    block = [self._filled(row, first + number) for number, row in enumerate(block)]
                first += len(block)
                require(first <= MOST_ROWS + 1, str(self.path), f"a table of at most {MOST_ROWS:,} rows", "more")
                yield list(zip(*block, strict=True))

    def _filled(self, row: list[str], number: int) -> list[str]:
        width = len(self.header)
        if any(cell.strip() for cell in row[width:]):
            raise ConfigError(
                f"{self.path}: row {number}: must have {width} cells like the header, got {len(row)} (cells are "
                f"separated by {SEPARATORS.get(self.separator, self.separator)}: quote those that hold one)"
            )
        return row[:width] + [""] * (width - len(row))


def _rows(lines: Iterable[str], separator: str, path: Path, *, strict: bool = False) -> Iterator[list[str]]:
    """The rows of cells, without those that are blank lines.

    Raises:
        ConfigError: A cell is too long or, strictly, a quote stays open: it would take the rest of the file into
            one cell without a word.
    """
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=strict)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        raise ConfigError(f"{path}:{reader.line_num}: cannot be read as a table ({error})") from None


def _fit(lines: Sequence[str], separator: str, path: Path) -> tuple[int, int]:
    """How many of the rows a separator splits like the header, and into how many cells; none for one cell."""
    try:
        widths = [len(row) for row in _rows(lines, separator, path)]
    except ConfigError:
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
