"""Quantities and lists as people type them."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter, Token

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity

Number = TypeVar("Number", int, float)


def _reader(kind: str) -> Any:
    def read(_: Any, tokens: Sequence[Token]) -> float:
        try:
            return parse_quantity(tokens[0].value, kind)
        except InputError as error:
            raise ValueError(str(error)) from None

    return read


Quantity = Annotated[float, Parameter(converter=_reader("count"), accepts_keys=False, n_tokens=1)]
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
