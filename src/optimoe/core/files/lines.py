"""JSON lines that several processes may append to at once."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optimoe.core.errors import InputError


def append_json_line(path: Path, record: dict[str, Any]) -> None:
    """Add an object to a file, as one line; :func:`append_json_lines` says how.

    Raises:
        InputError: The place cannot be written.
    """
    append_json_lines(path, [record])


def append_json_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Add objects to a file, each as one line.

    One ``write`` to a file opened with ``O_APPEND``: on a local file system the kernel moves to the end and writes
    in one step, so that lines of processes that append at once never mix, nobody waits for a lock or leaves one
    behind, and what was there is never rewritten. A process killed or a disk filled while writing can leave a torn
    last line; the next record then begins on a line of its own and :func:`read_json_lines` reports the torn one.
    Network file systems append less strictly: there, give each process a file of its own.

    Raises:
        InputError: The place cannot be written.
    """
    lines = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)
    data = "".join(lines).encode("utf-8", errors="replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            written = os.write(handle, (b"\n" if _ends_torn(handle) else b"") + data)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    if written < len(data):
        raise InputError(f"{path}: cannot be written whole ({written} of {len(data)} bytes)")


def _ends_torn(handle: int) -> bool:
    """Whether a file ends within a line."""
    size = os.lseek(handle, 0, os.SEEK_END)
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"
