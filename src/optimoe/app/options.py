"""What the commands share: quantities, hardware options, and the two ways of printing."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter, Token

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity

Number = TypeVar("Number", int, float)

PLAIN_WIDTH = 118
"""Columns when the output is a file or a pipe."""


def _reader(kind: str) -> Any:
    def read(_: Any, tokens: Sequence[Token]) -> float:
        try:
            return parse_quantity(tokens[0].value, kind)
        except InputError as error:
            raise ValueError(str(error)) from None

    return read


Count = Annotated[float, Parameter(converter=_reader("count"), accepts_keys=False, n_tokens=1)]
"""``1e22``, ``70B``, ``15T``."""
Seconds = Annotated[float, Parameter(converter=_reader("seconds"), accepts_keys=False, n_tokens=1)]
"""``50ms``, ``2s``."""

Flag = Annotated[bool, Parameter(negative="")]
"""An option that is there or not."""


def whole(name: str, value: float) -> int:
    """A quantity that must be a whole number.

    Raises:
        InputError: It is not.
    """
    if value != int(value):
        raise InputError(f"{name}: must be a whole number, got {value:g}")
    return int(value)


def print_json(record: Any) -> None:
    """One JSON object on standard output."""
    from optimoe.core.records import to_json

    print(to_json(record))


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


def parts(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(","))


def numbers(option: str, text: str, kind: type[Number]) -> tuple[Number, ...]:
    """Numbers between commas.

    Raises:
        InputError: Something else; names the option.
    """
    try:
        return tuple(kind(part) for part in parts(text))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{option}: must be {wanted} like 1,8,32, got {text!r}") from None
