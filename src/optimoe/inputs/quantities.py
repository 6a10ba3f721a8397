"""Quantities, lists and pairs as people type them, on the command line and in a JSON or TOML table.

A type here is an ``Annotated`` one with two marks: cyclopts' ``Parameter`` says how the command line reads it, a
:class:`Reader` how a table is read. Both end in the same function, so that ``50ms`` means the same everywhere.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar

from cyclopts import Parameter, Token

from optimoe.core.errors import InputError, shown
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import LATENCIES
from optimoe.core.units import parse_quantity

LARGEST = sys.float_info.max

Number = TypeVar("Number", int, float)


class Reader(Protocol):
    """How a value of a JSON or TOML table becomes the value of a field."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read a value; ``trusted`` is false where it came over a network.

        Raises:
            InputError: The value is not what the field takes; says what it must be, and what it is.
        """


@dataclass(frozen=True)
class Unit:
    """A number in base units, or text with a unit: ``"50ms"``, ``5e12``, ``"5T"``."""

    kind: str

    def read(self, value: Any, trusted: bool) -> float:
        """Read a number or a text as a number in base units.

        Raises:
            InputError: It is neither, or its unit is not known.
        """
        if isinstance(value, str):
            return parse_quantity(value, self.kind)
        fine = isinstance(value, int | float) and not isinstance(value, bool)
        if not fine or not abs(value) <= LARGEST:
            raise InputError(f"must be a finite quantity in {self.kind}, got {shown(repr(value))}")
        return float(value)


@dataclass(frozen=True)
class OfShare:
    """A latency, which a share of the requests keeps: ``"50ms"``, ``0.05``, ``"p95:50ms"``."""

    def read(self, value: Any, trusted: bool) -> str:
        """Read a number of seconds or a text as a text.

        Raises:
            InputError: It is neither.
        """
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InputError(f"must be a latency like 50ms or p95:50ms, got {shown(repr(value))}")
        return value if isinstance(value, str) else f"{value:.12g}s"


@dataclass(frozen=True)
class ByComma:
    """A list, or its items between commas: ``[1, 8]``, ``"1,8"`` and ``8``; an item may be ``key=value``."""

    def read(self, value: Any, trusted: bool) -> str:
        """Read a text, a number, a list of them, or a table of them, as items between commas.

        Raises:
            InputError: It is none of these.
        """
        if isinstance(value, Mapping):
            return ",".join(f"{key}={item}" for key, item in value.items())
        items = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in items):
            raise InputError(f"must be a list, or items between commas, got {shown(repr(value))}")
        return ",".join(str(item) for item in items)


@dataclass(frozen=True)
class ByName:
    """Values by name, such as ``{"N": "params"}``, or texts like ``N=params``."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read a table of values, or a list of texts.

        Raises:
            InputError: It is neither.
        """
        if isinstance(value, Mapping):
            return dict(value)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise InputError(f"must be values by name, such as {{'N': 'params'}}, got {shown(repr(value))}")
        return list(texts)


def _typed(unit: Unit) -> Any:
    def read(_: Any, tokens: Sequence[Token]) -> float:
        try:
            return unit.read(tokens[0].value, trusted=True)
        except InputError as error:
            raise ValueError(str(error)) from None

    return Parameter(converter=read, accepts_keys=False, n_tokens=1, metavar=unit.kind.upper())


Quantity = Annotated[float, _typed(Unit("count")), Unit("count")]
"""``1e22``, ``70B``, ``15T``."""
Seconds = Annotated[float, _typed(Unit("seconds")), Unit("seconds")]
"""``60s``, ``5min``, ``0.5``."""
Latency = Annotated[str, Parameter(metavar="[pNN:]SECONDS"), OfShare()]
"""``50ms``, ``p95:2s``."""
Several = Annotated[str, ByComma()]
"""``1,8,32``."""
Pairs = Annotated[
    list[str] | dict[str, Any] | None, Parameter(negative="", accepts_keys=False, metavar="NAME=VALUE"), ByName()
]
"""``N=params``, once for each; several between commas."""
Flag = Annotated[bool, Parameter(negative="")]
"""An option that is there or not."""


def whole(name: str, value: float) -> int:
    """A quantity that must be a whole number.

    Raises:
        InputError: It is not.
    """
    if not math.isfinite(value) or value != int(value):
        raise InputError(f"{name}: must be a whole number, got {value:g}")
    return int(value)


def parts(text: str) -> tuple[str, ...]:
    """The items between commas, without the space around them."""
    return tuple(part.strip() for part in text.split(","))


SURELY_SECONDS = 1.0
"""A latency without a unit is of seconds below this: as milliseconds it would be shorter than any answer."""


def latency(option: str, text: str) -> tuple[float, float]:
    """A latency and the share of the requests that keep it: ``p95:2s`` is (2.0, 0.95), ``2s`` a mean, (2.0, 0.0).

    An empty text is no limit.

    Raises:
        InputError: It is no latency, no percentile above 50 and below 100, or a number without a unit that may be
            seconds or milliseconds; names the option.
        ConfigError: It is out of the range of latencies.
    """
    if not text.strip():
        return math.inf, 0.0
    percentile, colon, seconds = text.strip().rpartition(":")
    share = 0.0
    if colon:
        try:
            share = float(percentile.strip().lower().removeprefix("p")) / 100
        except ValueError:
            share = math.nan
        if not 0.5 < share < 1:
            raise InputError(
                f"{option}: must be a percentile above p50 and below p100 like p95:2s, got {shown(repr(text))}"
            )
    limits = LATENCIES[option.removeprefix("--")]
    try:
        stated = parse_quantity(seconds, "seconds")
    except InputError as error:
        raise InputError(f"{option}: {error}") from None
    if seconds.strip()[-1].isdigit() and stated >= SURELY_SECONDS:
        asked = "per token" if option == "--tpot" else "to the first token"
        number = seconds.strip()
        raise InputError(f"{option}: {number} seconds {asked}? say {number}ms or {number}s")
    require_range(stated, option.removeprefix("--"), limits)
    return stated, share


def numbers(option: str, text: str, kind: type[Number]) -> tuple[Number, ...]:
    """The numbers between commas, of one type.

    Raises:
        InputError: Something else; names the option.
    """
    try:
        return tuple(kind(part) for part in parts(text))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{option}: must be {wanted} like 1,8,32, got {text!r}") from None


def pairs(option: str, given: list[str] | dict[str, Any] | None, example: str) -> dict[str, Any]:
    """Values by name, from a table or from texts like ``N=params,D=tokens``.

    Raises:
        InputError: A text has no name or no value, or one name has two values; names the option.
    """
    if isinstance(given, dict):
        return given
    read: dict[str, Any] = {}
    for pair in (pair for text in given or [] for pair in text.split(",")):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or not value:
            raise InputError(f"{option}: must be like {example}, got {pair!r}")
        if read.setdefault(name, value) != value:
            raise InputError(f"{option}: must state {name} once, got {name}={read[name]} and {name}={value}")
    return read


def columns_by_name(option: str, given: list[str] | dict[str, Any] | None, example: str) -> dict[str, str]:
    """Columns or formulas by name, as of :func:`pairs`; a number is a column of it.

    Raises:
        InputError: A name is empty, or what it names is neither text nor a number.
    """
    read = pairs(option, given, example)
    for name, value in read.items():
        if not name or isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InputError(
                f"{option}: must be columns by name, like {example}, got {shown(f'{name}={value!r}')}"
            )
    return {name: str(value) for name, value in read.items()}
