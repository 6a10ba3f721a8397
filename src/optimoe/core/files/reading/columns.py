"""Columns of positive numbers, such as the lengths of the requests of a trace."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import InputError, require, shown
from optimoe.core.files.reading.cells import plain_numbers, read_number
from optimoe.core.files.reading.delimited import DelimitedText

TRACE = ("input_tokens", "output_tokens")
"""Columns of a trace of requests, a row a request."""


def read_positive_columns(
    path: Path, names: Sequence[str], what: str, *, or_zero: bool = False
) -> dict[str, Float[np.ndarray, " rows"]]:
    """The columns of a table that are positive numbers; cells are separated by , ; tab or |, after a header.

    Args:
        path: The file.
        names: Of the columns.
        what: What the table is, for the error line.
        or_zero: Whether a number may be zero.

    Raises:
        InputError: The file lacks a column, or holds no row.
        ConfigError: It cannot be read, or a cell is not a positive number: names the line.
    """
    table = DelimitedText.open(path)
    for name in names:
        if name not in table.header:
            raise InputError(
                f"{what}: {path} must have a column {name}, got {shown(', '.join(table.header), 100)}"
            )
    num_rows, found = 0, {name: [np.empty(0)] for name in names}
    for block in table.blocks():
        for name in names:
            where = f"{what}: {path}"
            found[name].append(_numbers(where, num_rows, name, block[table.header.index(name)], or_zero))
        num_rows += len(block[0])
    if not num_rows:
        raise InputError(f"{what}: {path} holds no request")
    return {name: np.concatenate(cells) for name, cells in found.items()}


def _numbers(where: str, above: int, name: str, cells: Sequence[str], or_zero: bool) -> Float[np.ndarray, " rows"]:
    """Positive numbers of some rows, of which ``above`` rows stand before."""
    found = plain_numbers(cells)
    if found is None:
        found = np.array([read_number(cell) for cell in cells], dtype=float)  # None becomes NaN
    wrong = np.flatnonzero(~((found > 0) | ((found == 0) & or_zero)) | (found == math.inf))
    if len(wrong):
        row = int(wrong[0])
        line = above + row + 2  # in the file: the header is the first
        require(
            False,
            f"{where}:{line}: {name}",
            "zero or more" if or_zero else "a positive number",
            repr(shown(cells[row])),
        )
    return found
