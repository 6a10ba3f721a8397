"""TOML and JSON files and tables into frozen dataclasses, with one-line errors."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from optimoe.core.errors import ConfigError, UnknownNameError

T = TypeVar("T")


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Construct a dataclass from a table, strictly: right types, no unknown keys.

    Args:
        cls: A frozen dataclass.
        table: Field names and values.
        where: What the table is, for the error line.

    Raises:
        ConfigError: A field is missing, has the wrong type or is out of its limits.
        UnknownNameError: A key is no field of the dataclass.
    """
    fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise UnknownNameError(f"{where}: field", key, fields)
    try:
        return msgspec.convert(table, cls)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_without_path_root(error)}") from None


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML ({error})") from None


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigError: It cannot be read, is not JSON or is not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must hold a JSON object, got {type(content).__name__}")
    return content


@cache
def load_facts(package: str, name: str) -> dict[str, Any]:
    """Read a table of facts that ships with a package, such as ``("optimoe.cost", "accelerators.toml")``."""
    return tomllib.loads(files(package).joinpath("data", name).read_text(encoding="utf-8"))


def _without_path_root(error: msgspec.ValidationError) -> str:
    return str(error).replace(" - at `$.", " - at `")
