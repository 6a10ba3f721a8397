"""A file's header is read without its tensors, and one that is none is refused in one line."""

import json
import struct
import tracemalloc

import pytest

from optimoe.arch.checkpoint.headers import BITS, read_header
from optimoe.core.errors import InputError
from tests.arch.checkpoint.files import write_header, write_tensors


def test_a_header_says_what_the_library_that_wrote_it_holds(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors, of the extra train")
    kinds = {
        "F32": torch.float32, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn, "U8": torch.uint8,
        "I64": torch.int64, "BOOL": torch.bool, "F8_E8M0": torch.float8_e8m0fnu,
    }  # fmt: skip
    tensors = {word: torch.zeros(3, 2, 4, dtype=kind) for word, kind in kinds.items()}
    tensors |= {"scalar": torch.tensor(1.0), "none": torch.zeros(0, 5)}
    path = tmp_path / "model.safetensors"
    safetensors.save_file(tensors, path, metadata={"format": "pt"})
    found = {tensor.name: tensor for tensor in read_header(path)}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].shape == tuple(tensor.shape) and found[name].num_bytes == tensor.nbytes
        assert (found[name].values, found[name].file) == (tensor.numel(), "model.safetensors")
        assert found[name].dtype == name or name in ("scalar", "none")


def test_a_file_of_terabytes_is_known_by_its_header_alone(tmp_path):
    write_tensors(tmp_path / "a.safetensors", {"w": ("F4", (2**20, 2**21))})
    tracemalloc.start()
    (tensor,) = read_header(tmp_path / "a.safetensors")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tensor.num_bytes == 2**40 and tensor.values == 2**41
    assert peak < 1e6


def test_types_smaller_than_a_byte_count_by_their_bits(tmp_path):
    tensors = {word: (word, (8, 4)) for word in BITS}
    write_tensors(tmp_path / "a.safetensors", tensors)
    assert {tensor.name: tensor.num_bytes for tensor in read_header(tmp_path / "a.safetensors")} == {
        word: 4 * bits for word, bits in BITS.items()
    }


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def pair(start):
    return {"a": ONE, "b": {"dtype": "F32", "shape": [2], "data_offsets": [start, start + 8]}}


BROKEN = {
    "header: must be at most 8 bytes here, got 9223372036854775807": struct.pack("<Q", 2**63 - 1) + b"{}      ",
    "must hold 8 bytes or more, has 3": b"abc",
    "header: not JSON": (b'{"a": ', 0),
    "header: not JSON, Exceeds": (b'{"a": ' + b"9" * 5000 + b"}", 0),
    "header: not JSON, maximum recursion": (b"[" * 100_000, 0),
    "header: must be a JSON object": ([1], 0),
    "header: a name stands twice": (f'{{"a": {json.dumps(ONE)}, "a": {json.dumps(ONE)}}}'.encode(), 8),
    "must hold 8 bytes of tensors, has 7": ({"a": ONE}, 7),
    "must hold 8 bytes of tensors, has 9": ({"a": ONE}, 9),
    "b: must begin at byte 8 of the tensors, got 4": (pair(4), 12),
    "b: must begin at byte 8 of the tensors, got 12": (pair(12), 20),
    "a: must be of 12 bytes by its shape, got 8": ({"a": ONE | {"shape": [3]}}, 8),
    "a: must be of 1 bytes by its shape, got 0": (
        {"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 0]}}, 0,
    ),
    r"a: dtype: unknown name 'F33' \(nearest: ": ({"a": ONE | {"dtype": "F33"}}, 8),
    r"a: Expected `str`, got `int` - at `dtype`": ({"a": ONE | {"dtype": 4}}, 8),
    r"a: Expected `int`, got `float` - at `shape\[0\]`": ({"a": ONE | {"shape": [2.5]}}, 8),
    "a: must be of at most 64 sizes, its end behind its start, got": ({"a": ONE | {"shape": [-2]}}, 8),
    r"b: must be of at most 64 sizes, its end behind its start, got": (
        {"a": ONE, "b": ONE | {"data_offsets": [8, 0]}}, 8,
    ),
    r"c: must be of at most 64 sizes": ({"c": ONE | {"shape": [1] * 65}}, 8),
    "a: Object missing required field `shape`": ({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, 8),
    "a: Expected `object`, got `int`": ({"a": 1}, 8),
    r"a: Expected `array` of length 2, got 3 - at `data_offsets`": ({"a": ONE | {"data_offsets": [0, 8, 9]}}, 8),
}  # fmt: skip


@pytest.mark.parametrize("line", BROKEN)
def test_a_file_that_is_cut_off_or_has_a_wrong_header_is_refused_in_one_line(line, tmp_path):
    path = tmp_path / "model.safetensors"
    if isinstance(BROKEN[line], bytes):
        path.write_bytes(BROKEN[line])
    else:
        write_header(path, *BROKEN[line])
    with pytest.raises(InputError, match=line) as error:
        read_header(path)
    assert "model.safetensors: " in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"a\.safetensors: cannot be read \(No such file"):
        read_header(tmp_path / "a.safetensors")
