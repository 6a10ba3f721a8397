"""Files of a checkpoint by their headers: of any size, without the bytes of a tensor."""

import json
import os
import struct
from math import prod

from optimoe.arch.checkpoint.headers import BITS


def entry(dtype, shape, start):
    """What a header says of a tensor, and where it ends."""
    values = 1
    for size in shape:
        values *= size
    end = start + values * BITS[dtype] // 8
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}, end


def write_header(path, header, num_bytes):
    """A file with a header (an object, or bytes as they stand) and so many bytes behind it, not written."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + num_bytes)


def write_tensors(path, tensors):
    """A file of tensors by name: type and shape."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape) in tensors.items():
        header[name], end = entry(dtype, shape, end)
    write_header(path, header, end)


GGUF_KINDS = {str: 8, int: 4, float: 6, bool: 7}
"""Numbers of the kinds of values that are written here."""


def gguf_text(text):
    """A text with its length before it."""
    return struct.pack("<Q", len(text)) + text.encode()


def gguf_value(value):
    """A value with its kind before it; a list is of texts."""
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(gguf_text, value))
    kind = struct.pack("<I", GGUF_KINDS[type(value)])
    forms = {int: "<I", float: "<f", bool: "<?"}
    return kind + (gguf_text(value) if isinstance(value, str) else struct.pack(forms[type(value)], value))


def gguf_bytes(pairs, tensors, *, version=3, alignment=32, held=None):
    """A GGUF file of pairs and of tensors by name: number and block of a type, and sizes, the fastest first."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    head += b"".join(gguf_text(key) + gguf_value(value) for key, value in pairs.items())
    end = 0
    for name, (kind, values, num_bytes, sizes) in tensors.items():
        head += gguf_text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, end)
        end += -(-prod(sizes) // values * num_bytes // alignment) * alignment
    padding = -len(head) % alignment
    return head + bytes(padding + (end if held is None else held))
