"""TOML and JSON files and tables into frozen dataclasses, with one-line errors; and tables into TOML files."""

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import tomli_w

from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require, require_choice, shown
from optimoe.core.files import write_text
from optimoe.core.files.reading import Source, parse_json, parse_toml, read_text
from optimoe.core.records import to_values

T = TypeVar("T")

MOST_STATED = 2**24
"""Characters of a file that states something: a sweep of ten thousand runs, or a law with its draws, has fewer."""


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Construct a dataclass from a table, strictly: right types, no unknown keys, in its inner dataclasses too.

    Args:
        cls: A frozen dataclass.
        table: Field names and values.
        where: What the table is, for the error line.

    Raises:
        ConfigError: A field is missing, has the wrong type or is out of its limits.
        UnknownNameError: A key is no field of the dataclass, or an option is none of its words.
    """
    _require_known_names(cls, table, where)
    built: T = convert(table, cls, where)
    return built


def convert(value: Any, kind: Any, where: str) -> Any:
    """Turn a plain value into one of a type, strictly: text is no number, and 1.5 no whole one.

    Args:
        value: What JSON or TOML holds.
        kind: The type, such as ``int``, ``list[str]`` or a dataclass.
        where: What the value is, for the error line.

    Raises:
        ConfigError: The value is of another type, or too deep or too large to be one.
        UnknownNameError: It is an option, and none of its words.
    """
    if get_origin(kind) is Literal:
        require_choice(value, where, kind)
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError, OverflowError) as error:
        raise ConfigError(f"{where}: {shown(str(error), 120).replace(' - at `$.', ' - at `')}") from None
    except InputError as error:
        error.args = (f"{where}: {error}",)  # a limit that the dataclass itself checks knows no file
        raise


def build_kind(find: Callable[[str], type[T]], table: Mapping[str, Any], where: str) -> T:
    """Construct one of several dataclasses from a table whose ``kind`` says which.

    Args:
        find: From a kind to its dataclass, or an error that names the nearest kinds.
        table: Field names and values beside ``kind``.
        where: What the table is, for the error line.

    Raises:
        ConfigError: ``kind`` is missing, or a field is missing, has the wrong type or is out of its limits.
        UnknownNameError: There is no such kind, or a key is no field of it.
    """
    require(isinstance(table, Mapping), where, "a table", shown(repr(table)))
    kind = table.get("kind")
    require(isinstance(kind, str), f"{where}: kind", "a name", shown(repr(kind)))
    return build(find(str(kind)), {name: value for name, value in table.items() if name != "kind"}, where)


def to_table(config: Any) -> dict[str, Any]:
    """A dataclass as a plain table that :func:`build` reads back, with ``kind`` first where its class has one.

    A field that is infinite by default is left out where it still is, because JSON has no infinity.
    """
    kind = getattr(type(config), "kind", None)
    table: dict[str, Any] = {"kind": kind} if isinstance(kind, str) else {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not (isinstance(value, float) and math.isinf(value) and value == field.default):
            table[field.name] = _to_plain(value)
    return table


def _to_plain(value: Any) -> Any:
    """A field's value as :func:`to_table` writes it, dataclasses inside of a tuple too."""
    if dataclasses.is_dataclass(value):
        return to_table(value)
    return [_to_plain(item) for item in value] if isinstance(value, tuple) else to_values(value)


def stated_table(config: Any) -> dict[str, Any]:
    """A dataclass as a plain table of what is not as by default; :func:`build` reads it back."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        default = field.default_factory() if callable(field.default_factory) else field.default
        if value != default:
            table[field.name] = stated_table(value) if dataclasses.is_dataclass(value) else to_values(value)
    return table


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: It cannot be read, is not TOML, or is too deep or too large.
    """
    return parse_toml(read_text(path, MOST_STATED), str(path))


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigError: It cannot be read, is not JSON or no object, says a thing twice, or is too deep or too large.
    """
    return _object(path, read_text(path, MOST_STATED))


def load_table(path: Path | Source) -> dict[str, Any]:
    """Read a TOML file or a JSON object, as its first character says: no TOML begins with a brace.

    Raises:
        ConfigError: It is neither, as of :func:`load_toml` and :func:`load_json`.
    """
    source = Source.open(path)
    text = source.whole(MOST_STATED)
    return _object(source.path, text) if text.lstrip().startswith("{") else parse_toml(text, str(source.path))


def _object(path: Path, text: str) -> dict[str, Any]:
    content = parse_json(text, str(path))
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must hold a JSON object, got {type(content).__name__}")
    return content


def to_toml(table: Mapping[str, Any], comment: str = "") -> str:
    """The text of a TOML file.

    Floats read back to the same bits, whole numbers stay whole, infinities are ``inf``, and a field that is None
    is left out, as TOML has no null.

    Args:
        table: Plain values, dataclasses or arrays by key; text may hold anything.
        comment: Lines for people, at the head of the file.
    """
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + ("\n" if head else "") + tomli_w.dumps(_without_none(to_values(table)))


def save_toml(path: Path, table: Mapping[str, Any], comment: str = "") -> None:
    """Write a TOML file, whole or not at all; what it holds is that of :func:`to_toml`.

    Raises:
        InputError: The place cannot be written.
    """
    write_text(path, to_toml(table, comment))


@cache
def load_facts(package: str, name: str) -> dict[str, Any]:
    """Read a table of facts that ships with a package, such as ``("optimoe.cost", "accelerators.toml")``."""
    return tomllib.loads(files(package).joinpath("data", name).read_text(encoding="utf-8"))


def _require_known_names(cls: type, table: Mapping[str, Any], where: str) -> None:
    """Refuse keys that are no field of a dataclass, and options that are none of their words, at any depth.

    Raises:
        UnknownNameError: There is one; the text lists the nearest.
    """
    rules = _field_rules(cls)
    for key, value in table.items():
        if key not in rules:
            raise UnknownNameError(f"{where}: field", str(key), rules)
        choice, inner = rules[key]
        if choice is not None:
            require_choice(value, f"{where}: {key}", choice)
        if inner is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                _require_known_names(inner, item, f"{where}: {key}")


@cache
def _field_rules(cls: Any) -> dict[str, tuple[Any, type | None]]:
    """By field of a dataclass: the options that it is one of, and the dataclass that it holds, or None."""
    hints = get_type_hints(cls)
    kinds = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    return {
        name: (kind if get_origin(kind) is Literal else None, _dataclass_in(kind)) for name, kind in kinds.items()
    }


def _dataclass_in(hint: Any) -> type | None:
    """The dataclass that a field holds, alone, beside None or in a tuple; keys of a dict are no fields."""
    parts = () if get_origin(hint) is dict else (hint, *get_args(hint))
    known = [part for part in parts if isinstance(part, type) and dataclasses.is_dataclass(part)]
    return known[0] if len(known) == 1 else None


def _without_none(value: Any) -> Any:
    """The same tables without their fields that are None."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
