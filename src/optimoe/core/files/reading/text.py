"""Files that people name as text: in the encodings of their programs, from pipes too, never more than fits."""

import codecs
import io
import os
import select
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TextIO

from optimoe.core.errors import ConfigError, require
from optimoe.core.files.shut import require_files_open

Errors = Literal["strict", "replace"]
"""What becomes of bytes that are no text."""

MARKS = (
    # the longer mark first: UTF-32's little-endian one begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, which Excel ("CSV UTF-8", "Unicode text") and PowerShell write first."""

MOST_HELD = 2**28
"""Characters of a text that is read whole, and bytes of a pipe: beyond them a table is read row by row."""
LONGEST_LINE = 2**24
"""Characters of one line: a tracker's summary cell has a hundredth of it, a file without line ends is no table."""
PIPE_WAIT_S = 30.0
"""How long the first byte of a pipe may take: nobody writes to it otherwise."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read as often as is needed.

    Attributes:
        path: What people call it.
        held: What a pipe or a device had to tell, which can be read once only, or what was sent under the name of
            ``path``; nothing of a file.
    """

    path: Path
    held: bytes | None = None

    @classmethod
    def open(cls, path: "Path | Source") -> "Source":
        """A file as it stands, a pipe or a device read to its end; a source is one already.

        Raises:
            ConfigError: It cannot be read, is a folder, tells nothing in time, or more than is held.
            InputError: Files are shut.
        """
        if isinstance(path, Source):
            return path
        require_files_open(path)
        try:
            # without O_NONBLOCK, opening a named pipe waits for its writer, for ever where there is none
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                kind = os.fstat(handle).st_mode
                if stat.S_ISDIR(kind):
                    raise ConfigError(f"{path}: cannot be read (Is a directory)")
                return cls(path=path, held=None if stat.S_ISREG(kind) else _drained(path, handle))
            finally:
                os.close(handle)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except ValueError as error:  # a name that no file can have
            raise ConfigError(f"{path}: cannot be read ({error})") from None

    def text(self, newline: str = "", errors: Errors = "strict") -> TextIO:
        """The text from its start, in UTF-8 or as its byte order mark says.

        Args:
            newline: What ends a line, as of Python's ``open``.
            errors: Whether bytes that are no text are an error, or marks in it: a line cut short may end within
                a letter.

        Raises:
            ConfigError: It cannot be opened, or is no text.
        """
        try:
            stream: BinaryIO = self.path.open("rb") if self.held is None else io.BytesIO(self.held)
            head = stream.read(1024)
            stream.seek(0)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read ({error.strerror})") from None
        encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
        if encoding == "utf-8" and b"\0" in head and errors == "strict":
            stream.close()
            require(False, str(self.path), "text in UTF-8 (UTF-16 needs its byte order mark)", "binary data")
        return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline=newline)

    def whole(self, most: int = MOST_HELD) -> str:
        """The whole text of the file, at once.

        Args:
            most: Characters that it may have.

        Raises:
            ConfigError: It cannot be read, is no text, or is longer.
        """
        with self.text() as stream:
            try:
                text = stream.read(most + 1)
            except UnicodeError as error:
                raise not_text(self.path, error) from None
            except OSError as error:
                raise ConfigError(f"{self.path}: cannot be read ({error.strerror})") from None
        require(len(text) <= most, str(self.path), f"a text of at most {most:,} characters", "more")
        return text

    def lines(self, errors: Errors = "strict") -> Iterator[str]:
        r"""The lines, each with its end, which ``\n`` alone is: JSON may hold U+2028 and its like.

        Args:
            errors: As of :meth:`text`.

        Raises:
            ConfigError: It cannot be read, is no text, or a line is too long.
        """
        with self.text(newline="\n", errors=errors) as stream:
            try:
                yield from bounded_lines(stream, str(self.path))
            except UnicodeError as error:
                raise not_text(self.path, error) from None
            except OSError as error:
                raise ConfigError(f"{self.path}: cannot be read ({error.strerror})") from None


def bounded_lines(stream: TextIO, where: str) -> Iterator[str]:
    """The lines of a stream, none longer than :data:`LONGEST_LINE`.

    Raises:
        ConfigError: One is.
    """
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ConfigError(f"{where}: must have lines of at most {LONGEST_LINE:,} characters, got a longer one")
        yield line


def read_text(path: Path, most: int = MOST_HELD) -> str:
    """The text of a file, in UTF-8 or as its byte order mark says.

    Raises:
        ConfigError: It cannot be read, is no text, or has more characters than it may.
    """
    return Source.open(path).whole(most)


def not_text(path: Path, error: UnicodeError) -> ConfigError:
    """The error line of bytes that are no text in their encoding."""
    where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    return ConfigError(f"{path}: must be text in UTF-8 or UTF-16, got other bytes{where} (save it as UTF-8)")


def _drained(path: Path, handle: int) -> bytes:
    """What a pipe or a device tells until its end.

    Raises:
        ConfigError: Nothing comes in time, or too much.
    """
    ready, _, _ = select.select([handle], [], [], PIPE_WAIT_S)
    if not ready:
        raise ConfigError(f"{path}: a pipe that nobody wrote to for {PIPE_WAIT_S:g} s")
    os.set_blocking(handle, True)
    with os.fdopen(handle, "rb", closefd=False) as stream:
        content = stream.read(MOST_HELD + 1)
    require(len(content) <= MOST_HELD, str(path), f"a pipe of at most {MOST_HELD:,} bytes (write a file)", "more")
    return content
