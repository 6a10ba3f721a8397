"""Files of a checkpoint by their headers: of any size, without the bytes of a tensor."""

import json
import os
import struct

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
