"""Values in the tables of others' files, with an error that names the place where they are missing or useless."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from optimoe.core.errors import ConfigError, InputError, shown
from optimoe.core.files.reading import GrammarError, Source, parse_object, placed_lines
from optimoe.core.units import parse_quantity

Table = Mapping[str, Any]


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
    """The number at a place; NaN where there is none.

    Raises:
        ConfigError: Something else stands there.
    """
    value = inner(table, *path)
    if value == {}:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {_named(path)}: must be a number, got {shown(repr(value))}")
    return float(value)


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
        raise ConfigError(f"{where}: unit: must be one of time like ms, got {unit!r}") from None


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


def utc(stamp_s: float) -> str:
    """Seconds of the Unix clock as ISO 8601; empty for NaN."""
    return "" if math.isnan(stamp_s) else datetime.fromtimestamp(stamp_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))
