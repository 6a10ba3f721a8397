"""Text files in the encodings that people's programs write."""

import codecs
import io
from pathlib import Path
from typing import TextIO

from optimoe.core.errors import ConfigError, require

MARKS = (
    # the longer mark first: UTF-32's little-endian one begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, which Excel ("CSV UTF-8", "Unicode text") and PowerShell write first."""


def open_text(path: Path) -> TextIO:
    """A text file to read, as UTF-8 or as its byte order mark says; a pipe is read to its end first.

    Raises:
        ConfigError: It cannot be opened, or is no text.
    """
    try:
        # a pipe can be read once only, and the mark has to be seen first
        stream = path.open("rb") if path.is_file() else io.BytesIO(path.read_bytes())
        head = stream.read(1024)
        stream.seek(0)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in head:
        stream.close()
        require(False, str(path), "text in UTF-8 (UTF-16 needs its byte order mark)", "binary data")
    return io.TextIOWrapper(stream, encoding=encoding, newline="")


def read_text(path: Path) -> str:
    """The text of a file, in UTF-8 or as its byte order mark says.

    Raises:
        ConfigError: It cannot be read, or is no text.
    """
    with open_text(path) as stream:
        try:
            return stream.read()
        except UnicodeError as error:
            raise not_text(path, error) from None


def not_text(path: Path, error: UnicodeError) -> ConfigError:
    """The error line of bytes that are no text in their encoding."""
    where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    return ConfigError(f"{path}: must be text in UTF-8 or UTF-16, got other bytes{where} (save it as UTF-8)")
