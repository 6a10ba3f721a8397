"""Standard output and error as they may be: closed, full, left by their reader, or in a small character set."""

import codecs
import contextlib
import errno
import io
import os
import sys

from optimoe.core.errors import InputError

ALIKE = {
    "×": "x", "·": "*", "µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "…": "...", "±": "+-", "≤": "<=",
    "≥": ">=", "≈": "~", "→": "->", "←": "<-", "²": "^2", "³": "^3", "√": "sqrt", "∞": "inf", "÷": "/", "‖": "||",
    "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "\u2009": " ",
}  # fmt: skip
"""What stands for a character where a character set lacks it."""

OUTPUT_FAULTS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Why a stream takes no more: its reader has gone, its disk or a quota is full, or what it stood for is away."""

PLAIN = "optimoe.plain"
"""Name of the way in which characters are written that a character set lacks."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Likenesses in place of what cannot be encoded; a question mark where there is none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    alike = "".join(ALIKE.get(one, "?") for one in error.object[error.start : error.end])
    return alike, error.end


codecs.register_error(PLAIN, _plain)


def prepare_streams() -> None:
    """Make both streams fit to print on: any text can be printed, and what is closed takes no file's number.

    Raises:
        InputError: Standard output is closed, so that an answer would go nowhere.
    """
    if sys.stderr is None:
        sys.stderr = _nowhere(2)
    if sys.stdout is None:
        sys.stdout = _nowhere(1)
        raise InputError("standard output: must be open, got a closed one (> /dev/null throws an answer away)")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors != PLAIN:
            stream.reconfigure(errors=PLAIN)


def is_of_output(error: OSError) -> bool:
    """Whether an error is of standard output, which has no name; ours of files are lines of their own already."""
    return error.filename is None and error.errno in OUTPUT_FAULTS


def drop_output() -> None:
    """Let what is left of an answer go nowhere, so that nothing complains of it when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _nowhere(number: int) -> io.TextIOWrapper:
    """A stream to nowhere in place of a closed one, on its number: the next file would get it."""
    handle = os.open(os.devnull, os.O_RDWR)
    if handle != number:
        os.dup2(handle, number)
        os.close(handle)
    return io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding="utf-8", errors=PLAIN)
