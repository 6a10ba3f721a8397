"""Files of JSON values, one a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimoe.core.errors import ConfigError, shown
from optimoe.core.files.reading.grammar import GrammarError, parse_json
from optimoe.core.files.reading.text import Errors, Source


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """The objects of a file, one a line.

    Attributes:
        rows: Each with its place, ``FILE:LINE``, in the order of the file.
        torn: Lines that a killed process left unfinished: ``FILE:LINE: cut short, got …``.
    """

    rows: tuple[tuple[str, dict[str, Any]], ...]
    torn: tuple[str, ...] = ()


def placed_lines(source: Source, errors: Errors = "strict") -> Iterator[tuple[str, str]]:
    """The lines of a file that are not blank, each after its place, ``FILE:LINE``.

    Args:
        source: The file.
        errors: What becomes of bytes that are no text.

    Raises:
        ConfigError: It cannot be read, is no text, or a line is too long.
    """
    for number, line in enumerate(source.lines(errors), 1):
        if line.strip():
            yield f"{source.path}:{number}", line.rstrip("\r\n")


def parse_object(line: str, where: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        GrammarError: It is no JSON.
        ConfigError: It is no object, or says a thing twice, too deep or too large.
    """
    value = parse_json(line, where)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a JSON object, got {shown(line)}")
    return value


def read_json_lines(path: Path | Source, what: str, begins: tuple[str, ...]) -> JsonLines:
    """Read a file of objects, one a line, whose writer may have been killed; empty lines are skipped.

    Args:
        path: The file.
        what: What a line holds, for the error line, such as ``a record of a run``.
        begins: First keys of the objects: a line that cannot be read and begins with one of them is a torn one.

    Raises:
        ConfigError: It cannot be read, or a line is whole and no object, or begins otherwise.
    """
    heads = tuple(f'{{"{key}"' for key in begins)
    rows, torn = [], []
    for where, line in placed_lines(Source.open(path), "replace"):
        try:
            rows.append((where, parse_object(line, where)))
        except GrammarError:
            if not any(line.startswith(head) or head.startswith(line) for head in heads):
                raise ConfigError(f"{where}: not {what}, got {shown(line)}") from None
            torn.append(f"{where}: cut short after {len(line)} characters")
    return JsonLines(rows=tuple(rows), torn=tuple(torn))
