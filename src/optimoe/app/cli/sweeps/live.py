"""How a sweep shows itself: a table on a terminal that follows it, else a line each time that a run is over."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from optimoe.app.notes import warn

if TYPE_CHECKING:
    from optimoe.trainer.sweep.loop import SweepBoard

    Shown: TypeAlias = tuple[Callable[[SweepBoard], None], Callable[[str], None]]


@contextmanager
def shown(quiet: bool) -> "Iterator[Shown]":
    """What is told where the sweep is, and what is told a line.

    Args:
        quiet: Whether nothing is shown but lines of what went wrong.
    """
    if quiet or not sys.stderr.isatty():
        yield _lines(quiet)
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from optimoe.report.words.runs.sweep import board_rows, board_words

    live = Live(console=Console(stderr=True), transient=True, refresh_per_second=2)

    def look(board: "SweepBoard") -> None:
        head, *rows = board_rows(board)
        table = Table(*head, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(Text, row))
        if not live.is_started:  # not before the first question is answered
            live.start()
        live.update(Group(Text(board_words(board)), table))

    try:
        yield look, lambda line: live.console.print(Text(f"optimoe: {line}"))
    finally:
        live.stop()


def _lines(quiet: bool) -> "Shown":
    """A line of the whole each time that a run is over."""
    seen = [-1]

    def look(board: "SweepBoard") -> None:
        from optimoe.report.words.runs.sweep import board_words

        done = board.over + board.failed
        if done != seen[0] and not quiet:
            seen[0] = done
            warn(board_words(board))

    return look, warn
