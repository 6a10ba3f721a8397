"""A folder that a command writes again and again: what it left there is its own, what others left is theirs."""

import json
import os
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from optimoe.core.errors import InputError
from optimoe.core.files.writing import remove_file, write_text

MANIFEST = ".optimoe.json"
"""Beside the files: their names, each with the SHA-256 of what was left there last and before."""


def require_owned(folder: Path, names: Collection[str], *, force: bool = False) -> None:
    """Check, before anything is worked out, that files of these names can be written into a folder.

    Args:
        folder: It need not exist.
        names: Paths within it.
        force: Whether files of others may be overwritten.

    Raises:
        InputError: The folder cannot be written, or holds a file of that name that is not from here or was
            changed since.
    """
    for place in sorted({(folder / name).parent for name in names}):
        _require_writable(place)
    foreign = [] if force else sorted(name for name in names if not _ours(folder, name))
    if foreign:
        raise InputError(
            f"{folder / foreign[0]}: not overwritten, because it is not from optimoe or was changed since "
            "(--force overwrites it, --out names another folder)"
        )


def write_owned(
    folder: Path, contents: Mapping[str, str], *, stale: Collection[str] = (), force: bool = False
) -> list[Path]:
    """Write files into a folder and remove those of an earlier time that are not written again.

    Args:
        folder: It is made where it is not there.
        contents: Texts by their paths within the folder.
        stale: Paths of files that are removed, where they were left here and not changed since.
        force: Whether files of others may be overwritten.

    Returns:
        The paths of the files.

    Raises:
        InputError: The same as of :func:`require_owned`.
    """
    require_owned(folder, contents, force=force)
    gone = [name for name in stale if name not in contents and (folder / name).is_file() and _ours(folder, name)]
    known = _known(folder)
    marks = {
        name: [_mark(text.encode(errors="replace")), *known.get(name, ())][:2] for name, text in contents.items()
    }
    # The list comes first: a kill between two files leaves none that is taken for another's.
    write_text(folder / MANIFEST, json.dumps({"left_by": "optimoe", "files": known | marks}, indent=2) + "\n")
    for name in gone:
        remove_file(folder / name)
    for name, text in contents.items():
        write_text(folder / name, text)
    return [folder / name for name in contents]


def _ours(folder: Path, name: str) -> bool:
    """Whether there is no such file, or it is as it was left here."""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise InputError(f"{folder / name}: cannot be read ({error.strerror})") from None
    return _mark(content) in _known(folder).get(name, ())


def _mark(content: bytes) -> str:
    return sha256(content).hexdigest()


def _known(folder: Path) -> dict[str, list[str]]:
    """The marks of what was left in a folder, by name; none where nothing was, or its list is not readable."""
    try:
        found: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict):
        return {}
    return {name: [str(mark) for mark in marks] for name, marks in files.items() if isinstance(marks, list)}


def _require_writable(folder: Path) -> None:
    """Check that a folder can be written, or made in the nearest one that is there."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be written ({there} is a file)")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written (Permission denied)")
