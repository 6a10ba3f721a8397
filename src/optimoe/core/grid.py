"""Dataclasses whose numbers may be arrays, a *grid* of equal things: one change of every number, one key of all.

NumPy is imported where arrays are made, never at the top: descriptions of a single model need none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar

T = TypeVar("T")

LEAVES = frozenset((type(None), bool, int, float, str))
"""What holds no array: a map is in the hot loop of a plan, and most fields are of these."""


def map_arrays(value: T, change: Callable[[Any], Any]) -> T:
    """Change every array in a thing; plain numbers, texts and flags stay as they are.

    Looks into dataclasses, dicts, lists and tuples; a single value that is left becomes a plain number.
    """
    return _mapped(value, lambda array: _plain(change(array)), _is_array)


def map_numbers(value: T, change: Callable[[Any], Any]) -> T:
    """Change every number in a thing, be it plain or an array."""
    return _mapped(value, change, _is_number)


def broadcast(value: T, shape: tuple[int, ...] = ()) -> T:
    """Give every number in a thing, as an array, the shape that all of them and ``shape`` broadcast to."""
    import numpy as np

    shapes = [shape]

    def seen(number: Any) -> Any:
        shapes.append(np.shape(number))
        return number

    map_numbers(value, seen)
    common = np.broadcast_shapes(*shapes)
    return map_numbers(value, lambda number: np.broadcast_to(number, common))


def take(value: T, index: Any) -> T:
    """One member of a grid, or several, by the index of its first axes."""
    return map_arrays(value, lambda array: array[index])


def stacked(values: Sequence[T]) -> T:
    """The grid of several equal things: every number that differs becomes an array, one entry for each.

    Raises:
        ValueError: They differ in more than numbers.
    """
    first = values[0]
    if _is_number(first) and all(_is_number(value) for value in values):
        import numpy as np

        grid: Any = first if all(value == first for value in values) else np.array(values)
        return grid
    if is_dataclass(first) and not isinstance(first, type):
        if any(type(value) is not type(first) for value in values):
            raise ValueError(f"{type(first).__name__}: stands beside another kind")
        names = _stated_fields(type(first))
        return type(first)(**{name: stacked([getattr(value, name) for value in values]) for name in names})
    if type(first) is tuple:
        rows = zip(*values, strict=True)
        return tuple(stacked(row) for row in rows)  # type: ignore[return-value]
    if any(value != first for value in values):
        raise ValueError(f"{first!r}: stands beside another value")
    return first


def concatenated(grids: Sequence[T]) -> T:
    """Grids of one structure as one, the designs of each behind those of the one before."""
    import numpy as np

    columns: list[list[Any]] = []
    for grid in grids:
        columns.append([])
        map_arrays(grid, lambda array, own=columns[-1]: own.append(array) or array)  # type: ignore[misc]
    joined = iter([np.concatenate(parts) for parts in zip(*columns, strict=True)])
    return map_arrays(grids[0], lambda _: next(joined))


def add(one: T, other: T) -> T:
    """Sum two dataclasses of numbers, field by field."""
    names = [field.name for field in fields(one)]  # type: ignore[arg-type]
    sums = {name: getattr(one, name) + getattr(other, name) for name in names}
    return replace(one, **sums)  # type: ignore[type-var]


def content_key(*values: Any) -> bytes:
    """Sixteen bytes that tell values apart by all of their content; equal ones of the same types have equal keys.

    Looks into dataclasses (fields that are compared), mappings, sequences and arrays. A key is made of every field
    that a thing has, so that nobody has to list them.

    Raises:
        TypeError: A value of another kind, whose content cannot be told.
    """
    from hashlib import blake2b

    parts: list[bytes] = []
    _feed(values, parts.append)
    return blake2b(b"".join(parts), digest_size=16).digest()


def row_keys(grid: Any) -> tuple[bytes, list[bytes]]:
    """What all members of a grid share, and the numbers of each, as keys: equal ones for members of equal content.

    For arrays of numbers of one axis; counts are told apart below 2^53.

    Raises:
        TypeError: A value of another kind, whose content cannot be told.
    """
    from hashlib import blake2b

    import numpy as np

    columns: list[Any] = []
    parts: list[bytes] = []
    _feed(grid, parts.append, columns)
    table = np.ascontiguousarray(np.stack(np.broadcast_arrays(*columns), axis=-1).astype(float))
    return blake2b(b"".join(parts), digest_size=16).digest(), [row.tobytes() for row in table]


def _feed(value: Any, update: Callable[[bytes], None], columns: list[Any] | None = None) -> None:
    """Hand on a value's type and content; every text ends and every collection says its length.

    Arrays are put among ``columns`` where they are given, and their kind alone is handed on.
    """
    kind: Any = type(value)
    name = f"{kind.__qualname__}\0"
    if kind in LEAVES or isinstance(value, bool | int | float | str | bytes | PurePath):  # an Enum's too
        update(f"{name}{value!r}\0".encode())
    elif _is_array(value) and columns is not None:
        update(f"{name}{value.dtype.str}\0".encode())
        columns.append(value)
    elif _is_array(value):
        update(f"{name}{value.dtype.str}{value.shape}\0".encode())
        update(value.tobytes())
    elif is_dataclass(value):
        update(name.encode())
        for field, of_field in _compared_fields(kind):
            update(of_field)
            _feed(getattr(value, field), update, columns)
    elif isinstance(value, Mapping):
        update(name.encode())
        _feed(list(value.items()), update, columns)
    elif isinstance(value, tuple | list):
        update(f"{name}{len(value)}\0".encode())
        for item in value:
            _feed(item, update, columns)
    else:
        raise TypeError(f"{kind.__name__}: has no content that a key could be made of")


def _mapped(value: Any, change: Callable[[Any], Any], chosen: Callable[[Any], bool]) -> Any:
    if chosen(value):
        return change(value)
    if type(value) in LEAVES:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        old = {name: getattr(value, name) for name in _stated_fields(type(value))}
        new = {name: _mapped(item, change, chosen) for name, item in old.items()}
        same = all(new[name] is item for name, item in old.items())
        return value if same else _made_anew(type(value), new)
    if isinstance(value, dict):
        return {key: _mapped(item, change, chosen) for key, item in value.items()}
    if type(value) in (tuple, list):
        items = [_mapped(item, change, chosen) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _made_anew(kind: Any, fields_of: dict[str, Any]) -> Any:
    """A dataclass with these fields, which are not checked: those that they were made of were."""
    made = object.__new__(kind)
    for name, item in fields_of.items():
        object.__setattr__(made, name, item)
    return made


@cache
def _stated_fields(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass that its constructor takes."""
    return tuple(field.name for field in fields(kind) if field.init)


@cache
def _compared_fields(kind: Any) -> tuple[tuple[str, bytes], ...]:
    """The fields of a dataclass that are compared, each with what a key has of its name."""
    return tuple((field.name, f"{field.name}\0".encode()) for field in fields(kind) if field.compare)


def _is_array(value: Any) -> bool:
    return type(value) not in LEAVES and hasattr(value, "dtype") and hasattr(value, "shape")


def _is_number(value: Any) -> bool:
    return (
        type(value) in (int, float)
        or _is_array(value)
        or (isinstance(value, int | float) and not isinstance(value, bool))
    )


def _plain(value: Any) -> Any:
    return value.item() if getattr(value, "ndim", None) == 0 else value
