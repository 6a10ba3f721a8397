"""The two ways in which commands print: one JSON object, or labelled lines and columns."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimoe.report.words.layout import Strong, blocks_text, columns_text, lines_text, plain
from optimoe.report.words.lines import Blocks, Lines, Rows, deciding, labelled

if TYPE_CHECKING:
    from optimoe.app.replies.reply import Reply


def show(json: bool, record: Callable[[], Any], lines: Callable[[], Lines], *, quiet: bool = False) -> None:
    """Print the record as one JSON object, or the labelled lines; only what is printed is made."""
    show_blocks(json, record, lambda: [lines()], quiet=quiet)


def show_blocks(
    json: bool, record: Callable[[], Any], blocks: Callable[[], Blocks], *, quiet: bool = False
) -> None:
    """Print the record as one JSON object, or the answer from top to bottom; a quiet one is what decides of it."""
    if json:
        print_json(record())
    else:
        print_blocks(deciding(blocks()) if quiet else blocks())


def write_page(reply: "Reply", page: Path | None) -> None:
    """Write the page of an answer, where a place for it is stated."""
    if page is not None and reply.page is not None:
        from optimoe.core.files import write_text

        write_text(page, reply.page())


@contextmanager
def last_lines() -> Iterator[None]:
    """Show on standard error what an engine has said last, where one fails."""
    from optimoe.loadtest.engines.running import EngineError

    try:
        yield
    except EngineError as error:
        for line in error.last_lines:
            print(f"  {line}", file=sys.stderr)
        raise


def print_json(record: Any) -> None:
    """One JSON object on standard output: a record of ``report.records``, with the version of the schema."""
    from optimoe.core.records import to_json
    from optimoe.report.records.schema import document

    every = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    print(to_json(document(record), ascii_only=not every))


def print_blocks(blocks: Blocks) -> None:
    """An answer from top to bottom: sentences, labelled lines and tables, with an empty line between two."""
    _print(blocks_text(blocks, screen_width(), strong()))


def print_lines(lines: Lines) -> None:
    """Labelled lines, wrapped under their text."""
    _print(lines_text(lines, screen_width(), strong()))


def print_columns(rows: Rows) -> None:
    """Things side by side: the first row names them, the first column names what is compared."""
    _print(columns_text(rows, screen_width(), strong()))


def suggest(*commands: str) -> None:
    """Say on standard error what one would do next, where a person reads the answer on a terminal."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        print("\n".join(lines_text(labelled("Next", commands), None, strong())), file=sys.stderr)


def screen_width() -> int | None:
    """Columns of the screen: those that ``COLUMNS`` states, else a terminal's; a file or a pipe has no end."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def strong() -> Strong:
    """How labels stand out: bold on a terminal, as they are in a file or where ``NO_COLOR`` is set."""
    dull = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return plain if dull else lambda text: f"\033[1m{text}\033[0m"


def _print(texts: Sequence[str]) -> None:
    print("\n".join(texts))
