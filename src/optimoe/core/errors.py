"""The error tree, and the checks that raise it.

::

    OptimoeError            every failure that a user can cause or repair
    ├── InputError          bad input: exit code 2
    │   ├── ConfigError     a value in a file or a request is missing, of the wrong type or out of limits
    │   └── UnknownNameError  no such model, law, accelerator or option; names the nearest
    └── InfeasibleError     a well-formed question with no answer: exit code 3

Anything else that is raised is a bug and keeps its traceback (exit code 1).
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any


class OptimoeError(Exception):
    """A failure that the user can cause or repair; its text is one line."""

    exit_code = 2


class InputError(OptimoeError):
    """Bad input: the text names the field, the limit and the value."""


class ConfigError(InputError):
    """A value is missing, of the wrong type or out of its limits."""


class UnknownNameError(InputError):
    """No such name; the text lists the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known, name = sorted(known), shown(name)
        near = get_close_matches(name.lower(), known, n=4, cutoff=0.4)
        hint = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(known)}"
        super().__init__(f"{kind}: unknown name {name!r} ({hint})")


class InfeasibleError(OptimoeError):
    """The question is well formed but nothing satisfies it; the text says what binds and what would help."""

    exit_code = 3


def shown(text: str, length: int = 60) -> str:
    """A text as an error line shows it: on one line, and cut where it is longer."""
    line = " ".join(text.split("\n"))
    return line if len(line) <= length else f"{line[: length - 3]}…"


def holds(condition: Any) -> bool:
    """Whether a condition on a number, or on every element of an array, is true."""
    return bool(condition.all()) if hasattr(condition, "all") else bool(condition)


def require(condition: Any, field: str, limit: str | Callable[[], str], value: Any) -> None:
    """Check one field of a request.

    Args:
        condition: A bool or a bool array.
        field: Its name.
        limit: What it must be; a function where saying so takes time.
        value: What it is.

    Raises:
        ConfigError: ``field: must be limit, got value`` when the condition (a bool or a bool array) fails.
    """
    if not holds(condition):
        raise ConfigError(f"{field}: must be {limit if isinstance(limit, str) else limit()}, got {value}")


def require_positive(owner: object, *fields: str) -> None:
    """Check that the named fields of a dataclass are numbers (or arrays) above zero.

    Raises:
        ConfigError: naming the first field that is not.
    """
    for field in fields:
        value = getattr(owner, field)
        require(value > 0, field, "positive", value)
