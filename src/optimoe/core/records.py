"""Results as files: dataclasses to JSON, and text written whole or not at all."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from optimoe.core.errors import InputError


def to_record(result: Any) -> Any:
    """A result (nested dataclasses, arrays, enums) as plain JSON values; infinities and NaN become null."""
    return _plain(to_values(result))


def to_values(result: Any) -> Any:
    """A result (nested dataclasses, arrays, enums) as plain dicts, lists, numbers and text."""
    return msgspec.to_builtins(result, enc_hook=_as_list)


def to_json(result: Any) -> str:
    """One JSON document, readable, with a stable order of keys."""
    return json.dumps(to_record(result), indent=2, ensure_ascii=False, allow_nan=False)


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all.

    The text goes to a temporary file beside it, which then takes its name: a full disk or a kill leaves the
    old file as it was.

    Raises:
        InputError: The place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        # errors="replace": a file name that is not UTF-8 reaches a text as lone surrogates, which no file can hold
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


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
