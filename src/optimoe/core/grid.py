"""Dataclasses whose numbers may be arrays, a *grid* of equal things: one change of every number in them.

NumPy is imported where arrays are made, never at the top: descriptions of a single model need none.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")


def map_arrays(value: T, change: Callable[[Any], Any]) -> T:
    """Change every array in a thing; plain numbers, texts and flags stay as they are.

    Looks into dataclasses, dicts, lists and tuples; a single value that is left becomes a plain number.
    """
    return _mapped(value, lambda array: _plain(change(array)), _is_array)


def map_numbers(value: T, change: Callable[[Any], Any]) -> T:
    """Change every number in a thing, be it plain or an array."""
    return _mapped(value, change, _is_number)


def broadcast(value: T) -> T:
    """Give every number in a thing their common shape, as arrays."""
    import numpy as np

    numbers: list[Any] = []
    map_numbers(value, numbers.append)
    shape = np.broadcast_shapes(*(np.shape(number) for number in numbers))
    return map_numbers(value, lambda number: np.broadcast_to(number, shape))


def take(value: T, index: Any) -> T:
    """One member of a grid, or several, by the index of its first axes."""
    return map_arrays(value, lambda array: array[index])


def _mapped(value: Any, change: Callable[[Any], Any], chosen: Callable[[Any], bool]) -> Any:
    if chosen(value):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        new = {name: _mapped(item, change, chosen) for name, item in old.items()}
        changed = {name: item for name, item in new.items() if item is not old[name]}
        return replace(value, **changed) if changed else value
    if isinstance(value, dict):
        return {key: _mapped(item, change, chosen) for key, item in value.items()}
    if type(value) in (tuple, list):
        items = [_mapped(item, change, chosen) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_number(value: Any) -> bool:
    return _is_array(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _plain(value: Any) -> Any:
    return value.item() if getattr(value, "ndim", None) == 0 else value
