"""Cells of a table as numbers: 1e9, 45.6B, 1,234,567, decimal points and decimal commas, and blanks."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity

BLANKS = frozenset(("", "-", "–", "na", "n/a", "#n/a", "nan", "none", "null"))
"""What spreadsheets and data frames write where there is no number, in lower case."""
SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009", " "))
"""Spaces that do not break a line, which spreadsheets put between thousands."""

Mark = Literal[".", ","]
"""What stands before the decimals."""
MARKS: tuple[Mark, ...] = (".", ",")
Numbers = Float[np.ndarray, " cells"]

_FORMS = {
    mark: re.compile(
        rf"([+-]?\d{{1,3}}(?:([{group}' ])\d{{3}})(?:\2\d{{3}})*|[+-]?\d*)(?:{re.escape(mark)}(\d*))?"
        r"(e[+-]?\d+)?\s*([kmbgtp]?)",
        re.IGNORECASE,
    )
    for mark, group in ((".", ","), (",", "."))
}
"""Whole part with or without a character between thousands, decimals, exponent, prefix."""


def plain_numbers(cells: Sequence[str]) -> Numbers | None:
    """Cells as numbers where each is empty (NaN) or what Python reads as a number; else nothing."""
    for read in (cells, (cell or "nan" for cell in cells)):
        try:
            return np.fromiter(map(float, read), float, len(cells))
        except ValueError:
            continue
    return None


def read_number(cell: str, mark: Mark = ".") -> float | None:
    """A cell as a number: plain, with a prefix (45.6B) or between thousands; NaN for a blank, else nothing.

    Args:
        cell: What stands in the table.
        mark: What stands before the decimals; the other one, a space or an apostrophe may stand between thousands.
    """
    text = cell.translate(SPACES).strip()
    if text.lower() in BLANKS:
        return float("nan")
    form = _FORMS[mark].fullmatch(text)
    if form is None:
        return None
    whole, between, decimals, exponent, prefix = form.groups("")
    try:
        return parse_quantity(f"{whole.replace(between, '')}.{decimals}{exponent}{prefix}")
    except InputError:  # a sign, a mark or a prefix alone, or too large
        return None


def read_numbers(cells: Iterable[str], mark: Mark = ".") -> Numbers | None:
    """Cells as numbers where each is one or blank; else nothing. Equal cells are read once."""
    cells = list(cells)
    known: dict[str, float] = {}
    for cell in dict.fromkeys(cells):
        number = read_number(cell, mark)
        if number is None:
            return None
        known[cell] = number
    return np.fromiter(map(known.__getitem__, cells), float, len(cells))


def read_number_columns(
    columns: Mapping[str, Iterable[str]], separator: str, has_points: Callable[[], bool]
) -> dict[str, Numbers]:
    """The columns of a table that are numbers in another form than the plain one, by name.

    A table has one mark before decimals. A column says which where it can be read in one way only: ``1,234,567``
    and ``12.5M`` have a point, ``1,5`` and ``1.234.567`` a comma. ``1,234`` can be both: it is read as the others
    say, or, where cells are separated by commas, with a point; else it stays text, and so do decimal commas in a
    table that has points too or is separated by commas: an error line then names the cell.

    Args:
        columns: Cells by column; those of text are among them.
        separator: Between the cells of the table.
        has_points: Whether plain numbers of the table have decimals.
    """
    ways: dict[str, dict[Mark, Numbers]] = {
        name: {mark: numbers for mark in MARKS if (numbers := read_numbers(cells, mark)) is not None}
        for name, cells in columns.items()
    }
    said = {next(iter(read)) for read in ways.values() if len(read) == 1}
    points = "." in said or separator == ","
    open_question = any(len(read) == 2 and not _equal(read) for read in ways.values()) or "," in said
    if open_question and not points:
        points = has_points()
    mark: Mark | None = "." if points else "," if "," in said else None
    return {
        name: read[mark or "."]
        for name, read in ways.items()
        if (mark or ".") in read and (mark is not None or _equal(read))
    }


def _equal(read: Mapping[Mark, Numbers]) -> bool:
    """Whether cells are the same numbers either way."""
    point, comma = read.values()
    return bool(np.array_equal(point, comma, equal_nan=True))
