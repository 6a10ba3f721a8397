"""Files written whole or not at all."""

import os
import secrets
from pathlib import Path

from optimoe.core.errors import InputError
from optimoe.core.files.interrupts import endings_as_exception


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, with the permissions that the umask leaves.

    The text goes to a hidden file beside it, which then takes its name: a full disk or a kill leaves the old file
    as it was, and an interrupt or SIGTERM no hidden one.

    Raises:
        InputError: The place cannot be written.
    """
    # errors="replace": a file name that is not UTF-8 is a text with lone surrogates: none can be written
    _write(path, text.encode("utf-8", errors="replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes as :func:`write_text` writes text: whole or not at all.

    Raises:
        InputError: The place cannot be written.
    """
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    hidden = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    # The name is chosen before the file is made, so that an exception at any point below finds what to remove.
    with endings_as_exception():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            hidden.replace(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
        finally:
            _remove(hidden)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        InputError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:  # a folder on the way is a file, so that there is none
        return
    except OSError as error:
        raise InputError(f"{path}: cannot be removed ({error.strerror})") from None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the folder is no folder, or may not be written: nothing was made there
        return
