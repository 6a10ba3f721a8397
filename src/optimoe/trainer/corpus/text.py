"""Documents out of files: each text file is one, each line of a JSON-lines file with a ``text`` is one."""

import json
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from optimoe.core.errors import InputError

LINES = (".jsonl", ".ndjson")
MOST_CHARACTERS = 1_000_000
"""Of one document: a longer file is cut into several, so that one file cannot be most of a batch."""
_PIECE = 1 << 20
"""Bytes that are read at a time."""


@dataclass
class Skipped:
    """What was not read, and why: the first of each kind, and how many."""

    reasons: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, where: str) -> None:
        """Count what was not read."""
        self.reasons.setdefault(reason, []).append(where)

    def lines(self) -> list[str]:
        """Say it, a line for each reason."""
        return [f"{len(found)} skipped, {reason}: {found[0]}" for reason, found in self.reasons.items()]


def text_files(paths: Sequence[Path]) -> list[Path]:
    """Files of paths, folders opened, hidden ones left out; each folder in the order of its names.

    Raises:
        InputError: A path is not there, or there is no file at all.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"text: must be a file or folder, {path} is not there")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        shown = (one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts))
        found += [one for one in shown if one.is_file()]
    if not found:
        raise InputError(f"text: must hold a file, got none in {', '.join(map(str, paths))}")
    return found


def documents(files: Sequence[Path], skipped: Skipped) -> Iterator[str]:
    """The documents of files, in their order; what is no UTF-8 text is skipped and counted.

    A file is read twice, to know that all of it is text before any of it counts; memory holds a document of a text
    file, and a line of JSON lines.

    Args:
        files: To read.
        skipped: Where to count.

    Raises:
        InputError: A file cannot be opened.
    """
    for file in files:
        try:
            with file.open("rb") as stream:
                reason = _unread(stream)
                if reason:
                    skipped.add(reason, str(file))
                elif file.suffix in LINES:
                    for one in _of_lines(file, stream, skipped):
                        yield from pieces(one)
                else:
                    yield from _whole(stream)
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise InputError(f"{file}: must stay as it is while it is read") from None


def _unread(stream: IO[bytes]) -> str:
    """Why a file is not read: a first look through all of it, a piece at a time; empty where it is UTF-8 text."""
    decoder, start = getincrementaldecoder("utf-8")(), stream.read(_PIECE)
    if b"\0" in start[:4096]:
        return "no text"
    stream.seek(0)
    try:
        for piece in _pieces_of(stream):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "not UTF-8"
    stream.seek(0)
    return ""


def _pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes in order, without the mark of its encoding."""
    first = stream.read(_PIECE)
    yield first.removeprefix(BOM_UTF8)
    yield from iter(lambda: stream.read(_PIECE), b"")


def _whole(stream: IO[bytes]) -> Iterator[str]:
    """The pieces of a text file, as :func:`pieces` of all of it; one is held at a time."""
    decoder, text = getincrementaldecoder("utf-8")(), ""
    for piece in _pieces_of(stream):
        text += decoder.decode(piece)
        while len(text) > MOST_CHARACTERS:
            yield from pieces(text[:MOST_CHARACTERS])
            text = text[MOST_CHARACTERS:]
    yield from pieces(text + decoder.decode(b"", final=True))


def pieces(text: str) -> Iterator[str]:
    """A text, cut where it is longer than :data:`MOST_CHARACTERS`; blank pieces are left out."""
    for start in range(0, len(text), MOST_CHARACTERS):
        piece = text[start : start + MOST_CHARACTERS]
        if piece.strip():
            yield piece


def _of_lines(file: Path, stream: IO[bytes], skipped: Skipped) -> Iterator[str]:
    # not splitlines(), which ends lines at characters that may stand in a JSON text, such as U+2028
    for number, raw in enumerate(stream, 1):
        line = (raw.removeprefix(BOM_UTF8) if number == 1 else raw).decode()
        try:
            row = json.loads(line) if line.strip() else {"text": ""}
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("text"), str):
            yield row["text"]
        else:
            skipped.add("no JSON object with a text", f"{file}:{number}")
