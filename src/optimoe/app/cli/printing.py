"""The two ways in which commands print: one JSON object, or labelled lines and columns."""

from collections.abc import Sequence
from typing import Any

PLAIN_WIDTH = 118
"""Columns when the output is a file or a pipe."""


def print_json(record: Any) -> None:
    """One JSON object on standard output: a record of ``report.records``, with the version of the schema."""
    from optimoe.core.records import to_json
    from optimoe.report.records.schema import document

    print(to_json(document(record)))


def print_lines(lines: Sequence[tuple[str, str]]) -> None:
    """Labelled lines, wrapped under their text."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(label, text)
    _show(table)


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Things side by side: the first row names them, the first column names what is compared."""
    from rich.table import Table

    table = Table.grid(padding=(0, 3))
    table.add_column(no_wrap=True)
    for _ in rows[0][1:]:
        table.add_column(justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        table.add_row(*row, style="bold" if number == 0 else "")
    _show(table)


def _show(table: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)
