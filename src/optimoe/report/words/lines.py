"""What every page of words is made of, light, because every command prints it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Lines = list[tuple[str, str]]
"""Label and text; an empty label continues the one above."""


class Deciding(str):
    """The label of a line that decides: what a quiet answer leaves, with the lines that continue it."""

    __slots__ = ()


Rows = Sequence[tuple[str, ...]]
"""Things side by side: the first row names the columns, the first column what is compared."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table among the lines of an answer; it stays one on a narrow screen.

    Attributes:
        rows: The first names the columns; no row may be longer.
        title: What stands above it; empty for nothing.
        spare: Heads of columns that a screen may leave out where it is too narrow, the first of them first.
        words: Heads of columns of words, which begin at the left like the first column; others end at the right.
        decides: Whether a quiet answer leaves it.
    """

    rows: Rows
    title: str = ""
    spare: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    decides: bool = False


Blocks = Sequence[str | Lines | Table]
"""An answer from top to bottom: sentences, labelled lines and tables, with an empty line between two."""


def deciding(blocks: Blocks) -> Blocks:
    """The sentences, lines and tables of an answer that decide; all of one that marks none."""
    left = [block if isinstance(block, str) else _deciding(block) for block in blocks]
    return left if any(left) else blocks


def _deciding(block: Lines | Table) -> Lines | Table:
    """The part of a block that decides; no lines where there is none."""
    if isinstance(block, Table):
        return block if block.decides else []
    left, kept = [], False
    for label, text in block:
        kept = isinstance(label, Deciding) or (kept and not label)
        left += [(label, text)] if kept else []
    return left


def blocks_record(blocks: Blocks) -> list[dict[str, Any]]:
    """An answer as plain values: of each block its ``sentence``, its ``lines``, or ``title`` and ``rows``."""
    return [_block_record(block) for block in blocks if block]


def _block_record(block: str | Lines | Table) -> dict[str, Any]:
    if isinstance(block, Table):
        return {"title": block.title, "rows": [list(row) for row in block.rows]}
    if isinstance(block, str):
        return {"sentence": block}
    return {"lines": [[str(label), text] for label, text in block]}


def labelled(label: str, texts: Sequence[str]) -> Lines:
    """Texts under one label."""
    return [(label if i == 0 else "", text) for i, text in enumerate(texts)]
