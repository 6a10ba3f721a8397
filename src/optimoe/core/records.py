"""Results as plain values and as JSON."""

import json
import math
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

Record = TypeVar("Record")


def to_record(result: Any) -> Any:
    """A result (nested dataclasses, arrays, enums) as plain JSON values; infinities and NaN become null."""
    return _plain(to_values(result))


def to_values(result: Any) -> Any:
    """A result (nested dataclasses, arrays, enums) as plain dicts, lists, numbers and text."""
    return msgspec.to_builtins(result, enc_hook=_as_list)


def to_json(result: Any, *, ascii_only: bool = False, indent: int | None = 2) -> str:
    """One JSON document, readable, with a stable order of keys.

    Args:
        result: What :func:`to_record` takes.
        ascii_only: Whether other letters are escaped, for a character set that may lack them.
        indent: Spaces of a level; none for one line, which is made ten times as fast.
    """
    return json.dumps(to_record(result), indent=indent, ensure_ascii=ascii_only, allow_nan=False)


def same_fields(cls: type[Record], result: Any, **others: Any) -> Record:
    """A record whose fields are the attributes of equal name of a result, but for those that are given."""
    own = {field.name: getattr(result, field.name) for field in fields(cls) if field.name not in others}  # type: ignore[arg-type]
    return cls(**own, **others)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a record")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
