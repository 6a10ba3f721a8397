"""The header of a GGUF file: what it says of a model, and names, types and shapes of its tensors; none is read.

A file is the magic ``GGUF``, its version, the numbers of tensors and of pairs (u64), the pairs of key and value,
and of each tensor its name, sizes (the fastest first), type and place; then the tensors, each at a multiple of
``general.alignment`` (ggml, docs/gguf.md). All is little-endian; memory holds short values and names alone.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from optimoe.arch.checkpoint.headers import StoredTensor
from optimoe.core.errors import InputError, UnknownNameError, shown

Value = str | int | float | bool
"""What a pair may say that is kept: lists, such as those of a tokenizer, and long texts are passed over."""
BLOCKS: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 28: ("F64", 1, 8),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8),
    2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 29: ("IQ1_M", 256, 56), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip
"""By number a type's name, the values of one of its blocks, and the bytes of it with its scales (ggml.h)."""
SUFFIX = ".gguf"
VERSIONS = (2, 3)
MOST_TENSORS, MOST_PAIRS, MOST_ITEMS = 200_000, 100_000, 20_000_000
"""Of a file, and of a list in it."""
MOST_NAME, MOST_TEXT, MOST_DIMS = 1_000, 1_000, 8
_ALIGNMENT = "general.alignment"
_SIMPLE = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


@dataclass(frozen=True, kw_only=True)
class GgufHeader:
    """What a GGUF file says before its tensors' values.

    Attributes:
        version: Of the format.
        pairs: Numbers, flags and short texts by key.
        tensors: In their order in the file.
    """

    version: int
    pairs: Mapping[str, Value]
    tensors: tuple[StoredTensor, ...]


def read_gguf(path: Path) -> GgufHeader:
    """The header of a GGUF file.

    Raises:
        InputError: It cannot be read, is cut off, of another version or byte order, a number in it is out of its
            limits, a name stands twice, or tensors overlap or end behind the file.
        UnknownNameError: A type that is not known.
    """
    try:
        with path.open("rb") as file:
            return _Reader(path, file).header()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


class _Reader:
    """A file that is read from its start, in small pieces."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self._left = self._size = os.fstat(file.fileno()).st_size

    def header(self) -> GgufHeader:
        """All up to the tensors' values."""
        self._require(self._take(4) == b"GGUF", "must begin with GGUF")
        version = self._number("I")
        self._require(version in VERSIONS, f"version: must be {' or '.join(map(str, VERSIONS))}, got {version}")
        num_tensors = self._count("tensors", MOST_TENSORS)
        num_pairs = self._count("pairs", MOST_PAIRS)
        pairs: dict[str, Value] = {}
        seen: set[str] = set()
        for _ in range(num_pairs):
            key = self._text("key", MOST_NAME)
            self._require(key not in seen, f"{shown(key)}: stands twice")
            seen.add(key)
            value = self._value(self._number("I"))
            if value is not None:
                pairs[key] = value
        placed = [self._tensor() for _ in range(num_tensors)]
        self._require_apart(placed, pairs.get(_ALIGNMENT, 32))
        return GgufHeader(version=version, pairs=pairs, tensors=tuple(tensor for _, tensor in placed))

    def _tensor(self) -> tuple[int, StoredTensor]:
        """A tensor and where it begins among all."""
        name = self._text("tensor", MOST_NAME)
        num_dims = self._number("I")
        self._require(num_dims <= MOST_DIMS, f"{shown(name)}: must have at most {MOST_DIMS} sizes, got {num_dims}")
        sizes = [self._number("Q") for _ in range(num_dims)]
        kind, offset = self._number("I"), self._number("Q")
        if kind not in BLOCKS:
            where = f"{self._path}: {shown(name)}: type"
            raise UnknownNameError(where, str(kind), [str(known) for known in BLOCKS])
        word, values, num_bytes = BLOCKS[kind]
        fits = all(0 < size < 2**48 for size in sizes) and prod(sizes) < 2**60
        self._require(fits, f"{shown(name)}: must have sizes above 0 and fewer than 2^60 values")
        whole = (sizes[0] if sizes else 1) % values == 0
        self._require(whole, f"{shown(name)}: must have whole blocks of {values} values in {word}")
        return offset, StoredTensor(
            name=name,
            dtype=word,
            shape=tuple(reversed(sizes)),
            file=self._path.name,
            num_bytes=prod(sizes) // values * num_bytes,
        )

    def _require_apart(self, placed: list[tuple[int, StoredTensor]], alignment: Value) -> None:
        """Refuse tensors that overlap, or end behind the file."""
        sized = type(alignment) is int and 8 <= alignment <= 2**20 and alignment % 8 == 0
        self._require(sized, f"{_ALIGNMENT}: must be a multiple of 8, got {alignment}")
        names = {tensor.name for _, tensor in placed}
        self._require(len(names) == len(placed), "tensors: a name stands twice")
        start = -(-(self._size - self._left) // int(alignment)) * int(alignment)
        end = 0
        for offset, tensor in sorted(placed, key=lambda place: place[0]):
            apart = offset >= end and offset % int(alignment) == 0
            self._require(
                apart, f"{shown(tensor.name)}: must begin behind byte {end} of the tensors, got {offset}"
            )
            end = offset + tensor.num_bytes
        held = max(self._size - start, 0)
        self._require(end <= held, f"must hold {end} bytes of tensors, has {held}")

    def _value(self, kind: int, depth: int = 0) -> Value | None:
        """A pair's value; none where it is a list or a long text."""
        if kind in _SIMPLE:
            value: Value = self._number(_SIMPLE[kind])
            return value
        if kind == _TEXT:
            length = self._number("Q")
            if length > MOST_TEXT:
                self._skip(length)
                return None
            return self._decoded(self._take(length), "text")
        self._require(kind == _LIST and depth < 4, f"type of a value: must be known, got {kind}")
        inner, items = self._number("I"), self._count("items", MOST_ITEMS)
        if inner in _SIMPLE:
            self._skip(items * struct.calcsize(_SIMPLE[inner]))
        for _ in range(0 if inner in _SIMPLE else items):
            if inner == _TEXT:
                self._skip(self._number("Q"))
            else:
                self._value(inner, depth + 1)
        return None

    def _count(self, what: str, most: int) -> int:
        number = int(self._number("Q"))
        self._require(number <= most, f"{what}: must be at most {most}, got {number}")
        return number

    def _text(self, what: str, most: int) -> str:
        length = self._number("Q")
        self._require(length <= most, f"{what}: must be at most {most} bytes, got {length}")
        return self._decoded(self._take(length), what)

    def _decoded(self, text: bytes, what: str) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise self._broken(f"{what}: not UTF-8") from None

    def _number(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self._take(struct.calcsize(form)))[0]

    def _take(self, length: int) -> bytes:
        self._require(length <= self._left, f"is cut off: {length} bytes more must stand there, {self._left} do")
        self._left -= length
        return self._file.read(length)

    def _skip(self, length: int) -> None:
        self._require(length <= self._left, f"is cut off: {length} bytes more must stand there, {self._left} do")
        self._left -= length
        self._file.seek(length, os.SEEK_CUR)

    def _require(self, condition: bool, reason: str) -> None:
        if not condition:
            raise self._broken(reason)

    def _broken(self, reason: str) -> InputError:
        return InputError(f"{self._path}: cannot be read ({reason})")
