"""Columns become a data frame of whichever library is at hand."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from optimoe.core.errors import InputError, require_choice

FrameKind = Literal["", "pandas", "polars", "dict"]
"""A library of data frames, none for a plain dict, or the one at hand."""

LIBRARIES = ("pandas", "polars")


def to_frame(columns: Mapping[str, Sequence[Any]], kind: FrameKind = "") -> Any:
    """A data frame of some columns.

    Args:
        columns: Values by the columns' names, of equal length.
        kind: The library, or ``dict``; left out, the one that is imported already, else one that is installed.

    Raises:
        InputError: The library is not installed, or none is.
        UnknownNameError: No such kind.
    """
    require_choice(kind, "kind", FrameKind)
    if kind == "dict":
        return {name: list(values) for name, values in columns.items()}
    wanted = (kind,) if kind else sorted(LIBRARIES, key=lambda name: name not in sys.modules)
    library = next((name for name in wanted if find_spec(name)), None)
    if library is None:
        missing = " or ".join(wanted)
        raise InputError(f'to_frame: {missing} must be installed; to_frame("dict") gives columns without it')
    return import_module(library).DataFrame({name: list(values) for name, values in columns.items()})
