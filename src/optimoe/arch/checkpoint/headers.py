"""The header of a ``.safetensors`` file: names, types and shapes of its tensors, of which none is read.

A file is the length n of its header (8 bytes, little-endian), n bytes of JSON, and the tensors one after another
without gaps (huggingface/safetensors, README, Format).
"""

import json
import os
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from optimoe.core.config import convert
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require, shown

BITS: dict[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one element by the format's word for its type."""

MOST_HEADER_BYTES = 100_000_000
"""Longest header that the format allows."""
MOST_DIMS = 64
"""Dimensions beyond which a shape is none: a product of so many sizes is a number that can still be printed."""
_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What a header says of a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor as the header of its file states it.

    Attributes:
        name: Its name.
        dtype: The format's word for its type, such as ``BF16``.
        shape: Its shape.
        file: The file's name.
        num_bytes: What it takes in the file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    num_bytes: int

    @property
    def values(self) -> int:
        """How many elements it has."""
        return prod(self.shape)


def read_header(path: Path) -> list[StoredTensor]:
    """The tensors of a ``.safetensors`` file, in their order there.

    Raises:
        InputError: It cannot be read, is cut off, or its header is none: too long, no JSON, a tensor of an unknown
            type or of another size than its shape's, tensors that overlap or leave gaps.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_LENGTH.size)
            _require(path, len(start) == _LENGTH.size, f"must hold {_LENGTH.size} bytes or more, has {size}")
            (length,) = _LENGTH.unpack(start)
            most = min(MOST_HEADER_BYTES, size - _LENGTH.size)
            _require(path, length <= most, f"header: must be at most {most} bytes here, got {length}")
            text = file.read(length)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    places = [_place(path, name, entry) for name, entry in _entries(path, text).items() if name != _METADATA]
    end = 0
    for (first, last), tensor in sorted(places, key=lambda place: place[0]):
        if first != end:
            raise ConfigError(
                f"{path}: {shown(tensor.name)}: must begin at byte {end} of the tensors, got {first}"
            )
        end = last
    held = size - _LENGTH.size - length
    _require(path, end == held, f"must hold {end} bytes of tensors, has {held}")
    return [tensor for _, tensor in places]


def _entries(path: Path, text: bytes) -> dict[str, Any]:
    """The JSON object of a header."""
    try:
        entries = json.loads(text, object_pairs_hook=lambda pairs: _once(path, pairs))
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"header: not JSON, {shown(str(error))}") from None
    _require(path, isinstance(entries, dict), "header: must be a JSON object")
    return dict(entries)


def _once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    _require(path, len(table) == len(pairs), "header: a name stands twice")
    return table


def _place(path: Path, name: str, entry: Any) -> tuple[tuple[int, int], StoredTensor]:
    """The bytes of a tensor among those of all, and what it is."""
    where = f"{path}: {shown(name)}"
    stated: _Entry = convert(entry, _Entry, where)
    if stated.dtype not in BITS:
        raise UnknownNameError(f"{where}: dtype", stated.dtype, BITS)
    (first, last), shape = stated.data_offsets, stated.shape
    fits = len(shape) <= MOST_DIMS and all(0 <= size < 2**63 for size in (*shape, last - first))
    require(fits, where, f"of at most {MOST_DIMS} sizes, its end behind its start", "another shape")
    bits, found = prod(shape) * BITS[stated.dtype], last - first
    require(bits == 8 * found, where, lambda: f"of {-(-bits // 8)} bytes by its shape", found)
    return stated.data_offsets, StoredTensor(
        name=name, dtype=stated.dtype, shape=tuple(shape), file=path.name, num_bytes=found
    )


def _require(path: Path, condition: Any, reason: str) -> None:
    if not condition:
        raise _broken(path, reason)


def _broken(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: cannot be read ({reason})")
