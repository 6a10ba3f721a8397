"""Requests from JSON and TOML: one table of option names and values, read by the fields of the request."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from optimoe.core.config import convert
from optimoe.core.errors import InputError, UnknownNameError

T = TypeVar("T")


def read_request(cls: type[T], table: Mapping[str, Any], *, where: str = "", trusted: bool = True) -> T:
    """A request from a table of the command line's option names, with underscores.

    Quantities are text or numbers (``"5T"``, ``5e12``), lists are lists or text; what is left out, or null, has
    the command line's default.

    Args:
        cls: The request, such as ``PlanRequest``.
        table: Option names and values.
        where: What the table is, for the error line.
        trusted: False for a table from a network: then files are refused, and only names that ship are taken.

    Raises:
        UnknownNameError: A key is no option of the request, or a name is not known; lists the nearest.
        InputError: A value is missing, of the wrong type, or a file where none may be named.
        ConfigError: A number is out of limits.
    """
    return _construct(cls, read_values(cls, table, where=where, trusted=trusted), where)


def read_values(cls: type, table: Mapping[str, Any], *, where: str = "", trusted: bool = True) -> dict[str, Any]:
    """The values of a table by option name, each read as its field is.

    Raises:
        UnknownNameError: A key is no option of the request; lists the nearest.
        InputError: A value is of the wrong type, or a file where none may be named.
    """
    hints, start = options(cls), f"{where}: " if where else ""
    for key in table:
        if key not in hints:
            raise UnknownNameError(f"{start}option", str(key), hints)
    return {
        key: _value(hints[key], value, start + key, trusted) for key, value in table.items() if value is not None
    }


@cache
def options(cls: type) -> dict[str, Any]:
    """The type of every option of a request by its name, those of its groups included."""
    found: dict[str, Any] = {}
    for name, hint in _fields(cls).items():
        found |= options(hint) if _is_group(hint) else {name: hint}
    return found


def option_defaults(cls: type) -> dict[str, Any]:
    """The default of every option of a request that has one, by name."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        hint = _fields(cls)[field.name]
        if _is_group(hint):
            found |= option_defaults(hint)
        elif field.default is not dataclasses.MISSING:
            found[field.name] = field.default
    return found


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


@cache
def _fields(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _construct(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    given: dict[str, Any] = {}
    hints = _fields(cls)  # type: ignore[arg-type]
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        hint = hints[field.name]
        if _is_group(hint):
            given[field.name] = _construct(hint, values, where)
        elif field.name in values:
            given[field.name] = values[field.name]
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where}: {field.name}: missing" if where else f"{field.name}: missing")
    return cls(**given)


def _value(hint: Any, value: Any, where: str, trusted: bool) -> Any:
    plain, marks = _bare(hint)
    for mark in marks:
        if hasattr(mark, "read"):
            try:
                return mark.read(value, trusted)
            except InputError as error:
                raise type(error)(f"{where}: {error}") if type(error) is InputError else error from None
    if plain is Path:
        if not trusted:
            raise InputError(f"{where}: files are for the command line and Python, got {value!r}")
        return value if isinstance(value, Path) else Path(convert(value, str, where))
    return convert(value, plain, where)


def _bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its marks and without ``None``, and the marks."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        plain, more = _bare(inner)
        return plain, (*marks, *more)
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        if len(kinds) == 1:
            return _bare(kinds[0])
    return hint, ()
