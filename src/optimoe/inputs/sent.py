"""Files that are sent to the server: what they are called, and what stands in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimoe.core.errors import InputError, shown
from optimoe.core.files.reading import Source

SENT_FILE = {"name", "text"}
"""Keys of a file that is sent: what it is called, whose ending says what it is, and what stands in it."""


def is_sent(value: Any) -> bool:
    """Whether a value is a file that is sent."""
    return isinstance(value, Mapping) and set(value) == SENT_FILE


def sent_file(name: Any, text: Any) -> Source:
    """What a sent file holds, which nothing looks for on a disk.

    Raises:
        InputError: Its name or its text is none.
    """
    for what, value in (("name", name), ("text", text)):
        if not isinstance(value, str) or not value:
            raise InputError(f"{what} must be that of a file, got {shown(repr(value))}")
    return Source(path=Path(shown(name)), held=text.encode(errors="surrogatepass"))
