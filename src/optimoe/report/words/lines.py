"""What every page of words is made of, light, because every command prints it."""

from collections.abc import Sequence
from dataclasses import dataclass

Lines = list[tuple[str, str]]
"""Label and text; an empty label continues the one above."""

Rows = Sequence[tuple[str, ...]]
"""Things side by side: the first row names the columns, the first column what is compared."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table among the lines of an answer; it stays one on a narrow screen.

    Attributes:
        title: What stands above it; empty for nothing.
        rows: The first names the columns; no row may be longer.
        spare: Heads of columns that a screen may leave out where it is too narrow, the first of them first.
        words: Heads of columns of words, which begin at the left like the first column; others end at the right.
    """

    title: str
    rows: Rows
    spare: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


Blocks = Sequence[str | Lines | Table]
"""An answer from top to bottom: sentences, labelled lines and tables, with an empty line between two."""


def labelled(label: str, texts: Sequence[str]) -> Lines:
    """Texts under one label."""
    return [(label if i == 0 else "", text) for i, text in enumerate(texts)]
