"""Documents out of files: each text file is one, each line of a JSON-lines file with a ``text`` is one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optimoe.core.errors import InputError

LINES = (".jsonl", ".ndjson")
MOST_CHARACTERS = 1_000_000
"""Of one document: a longer file is cut into several, so that one file cannot be most of a batch."""


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

    Args:
        files: To read.
        skipped: Where to count.

    Raises:
        InputError: A file cannot be opened.
    """
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from None
        if b"\0" in content[:4096]:
            skipped.add("no text", str(file))
            continue
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            skipped.add("not UTF-8", str(file))
            continue
        for one in _of_lines(file, text, skipped) if file.suffix in LINES else (text,):
            yield from pieces(one)


def pieces(text: str) -> Iterator[str]:
    """A text, cut where it is longer than :data:`MOST_CHARACTERS`; blank pieces are left out."""
    for start in range(0, len(text), MOST_CHARACTERS):
        piece = text[start : start + MOST_CHARACTERS]
        if piece.strip():
            yield piece


def _of_lines(file: Path, text: str, skipped: Skipped) -> Iterator[str]:
    # not splitlines(), which ends lines at characters that may stand in a JSON text, such as U+2028
    for number, line in enumerate(text.split("\n"), 1):
        try:
            row = json.loads(line) if line.strip() else {"text": ""}
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("text"), str):
            yield row["text"]
        else:
            skipped.add("no JSON object with a text", f"{file}:{number}")
