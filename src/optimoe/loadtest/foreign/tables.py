"""Values in the tables of others' files, with an error that names the place where they are missing or useless."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from optimoe.core.errors import ConfigError, InputError, require, shown
from optimoe.core.files.reading import GrammarError, Source, parse_object, placed_lines
from optimoe.core.units import parse_quantity

Table = Mapping[str, Any]

LAST_STAMP_S = 4.1e9
"""A stamp of the Unix clock beyond this is not in seconds."""


def read_tables(source: Source) -> tuple[tuple[str, Table], ...]:
    """The JSON objects of a file, one or one a line, each with its place; none where the file is no JSON.

    Raises:
        ConfigError: The file cannot be read, or a line of several is none.
    """
    text = source.whole()
    if not text.lstrip().startswith("{"):
        return ()
    try:
        return ((str(source.path), parse_object(text, str(source.path))),)
    except GrammarError:
        return tuple((where, parse_object(line, where)) for where, line in placed_lines(source))


def inner(table: Any, *path: str | int) -> Any:
    """What stands at a place of nested tables and lists; an empty table where there is nothing."""
    for step in path:
        if isinstance(table, Mapping):
            table = table.get(step)
        elif isinstance(table, list) and isinstance(step, int) and step < len(table):
            table = table[step]
        else:
            return {}
        if table is None:
            return {}
    return table


def number(where: str, table: Any, *path: str | int) -> float:
    """The number at a place; NaN where there is none. Counts, lengths and times are never below zero.

    Raises:
        ConfigError: Something else stands there, or a number that is negative or infinite.
    """
    value = inner(table, *path)
    if value == {}:
        return math.nan
    fine = isinstance(value, int | float) and not isinstance(value, bool) and not (value < 0 or value == math.inf)
    require(fine, f"{where}: {_named(path)}", "a number, zero or more and finite", repr(value))
    return float(value)


def degree(where: str, table: Any, *path: str | int) -> int:
    """A degree of parallelism at a place; 1 where there is none.

    Raises:
        ConfigError: Something else stands there than a whole number above zero.
    """
    value = number(where, table, *path)
    if math.isnan(value):
        return 1
    require(value >= 1 and value.is_integer(), f"{where}: {_named(path)}", "a whole number above zero", value)
    return int(value)


def needed(where: str, table: Any, *path: str | int) -> float:
    """The number at a place.

    Raises:
        ConfigError: There is none.
    """
    value = number(where, table, *path)
    if math.isnan(value):
        raise ConfigError(
            f"{where}: {_named(path)}: must be there, a number, got none (is it of a stream of tokens?)"
        )
    return value


def seconds(where: str, value: float, unit: str) -> float:
    """A time in a unit, in seconds.

    Raises:
        ConfigError: There is no such unit of time.
    """
    try:
        return value * parse_quantity(f"1{unit.strip().removesuffix('econds').removesuffix('ec')}", "seconds")
    except InputError:
        raise ConfigError(f"{where}: unit: must be one of time like ms, got {shown(repr(unit))}") from None


def known(**facts: Any) -> dict[str, Any]:
    """Facts without those that are not told: NaN and empty text."""
    return {
        name: value
        for name, value in facts.items()
        if value not in ("", {}) and not (isinstance(value, float) and math.isnan(value))
    }


def tokens(value: float) -> float:
    """Mean tokens of a request as the whole number of a record; NaN stays."""
    return value if math.isnan(value) else max(1, round(value))


def utc(where: str, stamp_s: float) -> str:
    """Seconds of the Unix clock as ISO 8601; empty for NaN.

    Raises:
        ConfigError: They are of no year that a date can have.
    """
    if math.isnan(stamp_s):
        return ""
    require(stamp_s < LAST_STAMP_S, where, "in seconds since 1970, before the year 2100", stamp_s)
    return datetime.fromtimestamp(stamp_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))
