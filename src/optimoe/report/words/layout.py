"""Sentences, labelled lines and tables as rows of a screen: as wide as they are, or no wider than a width."""

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from optimoe.report.words.lines import Blocks, Lines, Rows, Table

Strong = Callable[[str], str]
"""How a label or the head of a table is made to stand out."""

COLUMN_GAP = 3
"""Spaces between things side by side."""
LABEL_GAP = 2
"""Spaces between a label and its text."""
INDENT = 4
"""Spaces before a text whose label has a row of its own, because labels would take more than a third of it."""
WORDS_SHARE = 3
"""A last column of words takes a third of the screen before a column of numbers is left out for it."""
LEAST_TEXT = 20
"""Columns that a text gets on the narrowest screen: a word of usual length."""


def plain(text: str) -> str:
    """A text as it is: nothing stands out in a file."""
    return text


def blocks_text(blocks: Blocks, width: int | None = None, strong: Strong = plain) -> list[str]:
    """An answer as rows, with an empty one between two blocks.

    Args:
        blocks: Sentences, labelled lines and tables.
        width: Most columns of a row; None for rows as long as their text.
        strong: How labels and heads stand out.
    """
    texts: list[str] = []
    for block in blocks:
        if not block:
            continue
        if texts:
            texts.append("")
        if isinstance(block, str):
            texts += [strong(row) for row in _wrapped(block, width)]
        elif isinstance(block, Table):
            texts += table_text(block, width, strong)
        else:
            texts += lines_text(block, width, strong)
    return texts


def lines_text(lines: Lines, width: int | None = None, strong: Strong = plain) -> list[str]:
    """Labelled lines as rows, each text wrapped under itself."""
    label_width = max((len(label) for label, _ in lines), default=0) + LABEL_GAP
    stacked = width is not None and 3 * label_width > width
    start = INDENT if stacked else label_width
    room = None if width is None else max(LEAST_TEXT, width - start)
    texts = []
    for label, text in lines:
        rows = _wrapped(text, room)
        if stacked and label:
            texts.append(strong(label))
        elif label or rows:
            first = rows.pop(0) if rows else ""
            head = strong(label) + " " * (start - len(label)) if label else " " * start
            texts.append(f"{head}{first}".rstrip())
        else:
            texts.append("")
        texts += [f"{' ' * start}{row}" for row in rows]
    return texts


def table_text(table: Table, width: int | None = None, strong: Strong = plain) -> list[str]:
    """A table under its title; a narrow screen leaves columns out, and then cuts a last column of words.

    Where no column may be left out, it becomes as few tables below each other as the screen needs.
    """
    if not table.spare and not table.words:
        return [*(strong(row) for row in _wrapped(table.title, width)), *columns_text(table.rows, width, strong)]
    rows, spare = [list(row) for row in _even(table.rows)], list(table.spare)
    most = None if width is None or rows[0][-1] not in table.words else width // WORDS_SHARE
    while width is not None and spare and _width(_shortened(rows, most)) > width:
        column = rows[0].index(spare.pop(0))
        rows = [[*row[:column], *row[column + 1 :]] for row in rows]
    if width is not None and most is not None:
        rows = _shortened(rows, max(most, _widths(rows)[-1] + width - _width(rows)))
    title = [strong(row) for row in _wrapped(table.title, width)]
    return [*title, *columns_text([tuple(row) for row in rows], width, strong, table.words)]


def columns_text(
    rows: Rows, width: int | None = None, strong: Strong = plain, words: Sequence[str] = ()
) -> list[str]:
    """Things side by side as rows, in as few tables below each other as a width needs; words begin at the left."""
    texts: list[str] = []
    for piece in _pieces(_even(rows), width):
        if texts:
            texts.append("")
        left = {0, *(i for i, head in enumerate(piece[0]) if head in words)}
        texts += _aligned(piece, left, strong)
    return texts


def _shortened(rows: Sequence[list[str]], most: int | None) -> list[list[str]]:
    """Rows whose last column is cut to a width; None leaves it as it is."""
    return [list(row) if most is None else [*row[:-1], _cut(row[-1], most)] for row in rows]


def _cut(text: str, width: int) -> str:
    """A text within a width, its end left out where it is longer."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip(' ,:')}…"


def _wrapped(text: str, width: int | None) -> list[str]:
    lines = text.splitlines()
    if width is None:
        return [line.rstrip() for line in lines]
    whole = {"break_long_words": False, "break_on_hyphens": False, "replace_whitespace": False}
    return [
        row.rstrip()
        for line in lines
        for row in wrap(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip())), **whole)  # type: ignore[arg-type]
    ]


def _even(rows: Rows) -> list[tuple[str, ...]]:
    """The rows, short ones filled with empty cells."""
    most = max(map(len, rows))
    return [tuple(row) + ("",) * (most - len(row)) for row in rows]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _width(rows: Sequence[Sequence[str]]) -> int:
    widths = _widths(rows)
    return sum(widths) + COLUMN_GAP * (len(widths) - 1)


def _aligned(rows: Sequence[Sequence[str]], left: set[int], strong: Strong) -> Iterator[str]:
    """Rows with their cells under each other; the first stands out."""
    widths = _widths(rows)
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        text = (" " * COLUMN_GAP).join(cells).rstrip()
        yield text if number else strong(text)


def _pieces(rows: Sequence[tuple[str, ...]], width: int | None) -> Iterator[list[tuple[str, ...]]]:
    """A table in as few tables as are no wider, each with the first column and about equally many others."""
    head, *others = (size + COLUMN_GAP for size in _widths(rows))
    most = len(others)
    if width is not None and head + sum(others) - COLUMN_GAP > width:
        most = max(1, (width + COLUMN_GAP - head) // max(others, default=1))
    pieces = -(-len(others) // max(most, 1)) or 1
    size = -(-len(others) // pieces) or 1
    for start in range(1, max(len(others), 1) + 1, size):
        yield [(row[0], *row[start : start + size]) for row in rows]
