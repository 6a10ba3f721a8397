"""Files that people name are shut while a question from elsewhere is answered: it may name what ships alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from optimoe.core.errors import InputError

_SHUT: ContextVar[bool] = ContextVar("_SHUT", default=False)


@contextmanager
def files_shut() -> Iterator[None]:
    """Open no file by its name inside, and run none: what ships is read, and content that is held already."""
    before = _SHUT.set(True)
    try:
        yield
    finally:
        _SHUT.reset(before)


def are_files_shut() -> bool:
    """Whether a question from elsewhere is being answered."""
    return _SHUT.get()


def require_files_open(path: Path | str) -> None:
    """Refuse a file by its name where files are shut.

    Raises:
        InputError: They are.
    """
    if _SHUT.get():
        raise InputError(f"files are for the command line and Python, got {str(path)!r}")
