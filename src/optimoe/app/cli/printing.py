"""The two ways in which commands print: one JSON object, or labelled lines and columns."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.engines.engine import Engine
    from optimoe.cost.hardware.accelerator import Accelerator
    from optimoe.cost.hardware.price import GpuPrice
    from optimoe.cost.serving.workload import Workload
    from optimoe.inputs.groups.engine import EngineChoice
    from optimoe.inputs.groups.hardware import PriceSheet

PLAIN_WIDTH = 118
"""Columns when the output is a file or a pipe."""

COLUMN_GAP = 3
"""Spaces between things side by side."""


def show(json: bool, record: Callable[[], Any], lines: Callable[[], Sequence[tuple[str, str]]]) -> None:
    """Print the record as one JSON object, or the labelled lines; only what is printed is made."""
    if json:
        print_json(record())
    else:
        print_lines(lines())


def show_columns(json: bool, record: Callable[[], Any], *tables: Callable[[], Sequence[tuple[str, ...]]]) -> None:
    """Print the record as one JSON object, or tables of things side by side, cut where a line ends."""
    if json:
        print_json(record())
        return
    blocks = [block for table in tables for block in _blocks(table(), PLAIN_WIDTH)]
    for number, block in enumerate(blocks):
        if number:
            print()
        print_columns(block)


@contextmanager
def stage(words: str) -> Iterator[None]:
    """Show what is being done on standard error while it lasts, with its seconds, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        shown.add_task(words, total=None)
        yield


def warn(message: str) -> None:
    """Say one line on standard error."""
    print(f"optimoe: {message}", file=sys.stderr)


def warn_without_price(accelerator: str, price: "GpuPrice", sheet: "PriceSheet") -> None:
    """Say that dollars are not known, where no price of a GPU hour is, and what a price sheet in use lacks."""
    if isnan(price.usd_per_gpu_hour):
        warn(f"gpu price: no list price of {accelerator} is known")
    gap = sheet.gap(accelerator)
    if gap and gap in price.source:
        warn(f"--prices: {gap}; its list price is taken")


def warn_beyond_context(arch: "ArchSpec", workload: "Workload") -> None:
    """Say where requests are longer than a model was made for."""
    from optimoe.cost.serving.workload import beyond_context

    beyond = beyond_context(arch, workload)
    if beyond:
        warn(beyond)


def warn_of_formats(served: "ArchSpec") -> None:
    """Say what must be known of where a model's formats are from, or that its name says others."""
    from optimoe.cost.engines.formats import format_warning

    if warning := format_warning(served):
        warn(f"{served.name}: {warning}")


def warn_of_share(asked: "EngineChoice", engine: "Engine") -> None:
    """Say where an engine loads the weights at the share of memory of its later releases only."""
    if asked.memory_share is None and engine.memory_share:
        own, later = engine.reserve.memory_share, engine.memory_share
        warn(f"memory: weights do not load at {engine.name}'s {own:g}; later releases' {later:g} is taken")


def warn_of_notes(accelerator: "Accelerator") -> None:
    """Say what must be known of an accelerator: which one a name was read as, and what its figures leave open."""
    if accelerator.notes:
        warn(f"gpu {accelerator.name}: {accelerator.notes}")


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

    table = Table.grid(padding=(0, COLUMN_GAP))
    table.add_column(no_wrap=True)
    for _ in rows[0][1:]:
        table.add_column(justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        table.add_row(*row, style="bold" if number == 0 else "")
    _show(table)


def _blocks(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[list[tuple[str, ...]]]:
    """A table in as few tables as are no wider, each with the first column and about equally many others."""
    head, *others = (max(map(len, column)) + COLUMN_GAP for column in zip(*rows, strict=True))
    most = max(1, (width - head) // max(others, default=1))
    pieces = -(-len(others) // most) or 1
    size = -(-len(others) // pieces) or 1
    for start in range(1, len(others) + 1, size):
        yield [(row[0], *row[start : start + size]) for row in rows]


def _show(table: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)
