"""The error tree, and the checks that raise it.

::

    OptimoeError            every failure that a user can cause or repair
    ├── InputError          bad input: exit code 2
    │   ├── ConfigError     a value in a file or a request is missing, of the wrong type or out of limits
    │   │   └── DataSetError  a measured data set that does not ship is not at hand
    │   └── UnknownNameError  no such model, law, accelerator or option; names the nearest
    │       └── AmbiguousNameError  several are called so; names them
    └── InfeasibleError     a well-formed question with no answer: exit code 3

Anything else that is raised is a bug and keeps its traceback (exit code 1).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class OptimoeError(Exception):
    """A failure that the user can cause or repair; its text is one line."""

    exit_code = 2


class InputError(OptimoeError):
    """Bad input: the text names the field, the limit and the value."""


class ConfigError(InputError):
    """A value is missing, of the wrong type or out of its limits."""


class DataSetError(ConfigError):
    """A measured data set that does not ship with the package is not at hand."""


MOST_OF_VALUE = 120
"""Characters of a value that an error line shows: a list of the columns of a table fits."""
MOST_LISTED = 80
"""Characters of the known names that an error line lists where none is near: more hide what it says."""
LONGEST_NAME = 40
"""Characters of an unknown name that an error line repeats."""


class UnknownNameError(InputError):
    """No such name; the text lists the nearest ones, or gives another hint at what is meant."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known, name = sorted(known), shown(name, LONGEST_NAME)
        lower = {one.lower(): one for one in reversed(known)}
        near = [lower[one] for one in get_close_matches(name.lower(), lower, n=4, cutoff=0.4)]
        hint = hint or (f"nearest: {', '.join(near)}" if near else f"known: {_listed(known)}")
        super().__init__(f"{kind}: unknown name {name!r} ({hint})")


class AmbiguousNameError(UnknownNameError):
    """A name that several things may be called by; the text lists them."""

    def __init__(self, kind: str, name: str, candidates: Iterable[str]) -> None:
        found, name = sorted(candidates), shown(name, LONGEST_NAME)
        InputError.__init__(self, f"{kind}: ambiguous name {name!r} (may be {_listed(found)})")


def _listed(names: list[str]) -> str:
    """Names as an error line lists them: all, or the first and how many there are."""
    first = names[:1]
    for name in names[1:]:
        if len(", ".join([*first, name])) > MOST_LISTED:
            return f"{', '.join(first)}, … {len(names)} in all"
        first.append(name)
    return ", ".join(first)


class InfeasibleError(OptimoeError):
    """The question is well formed but nothing satisfies it; the text says what binds and what would help."""

    exit_code = 3


def shown(text: str, length: int = 60) -> str:
    """A text as an error line shows it: on one line, without what a terminal obeys, and cut where it is longer."""
    line = text if len(text) <= length else f"{text[: length - 3]}…"
    return line if line.isprintable() else "".join(one if one.isprintable() else " " for one in line)


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
        wanted = limit if isinstance(limit, str) else limit()
        raise ConfigError(f"{field}: must be {wanted}, got {shown(str(value), MOST_OF_VALUE)}")


def require_text(owner: object, *fields: str) -> None:
    """Check that the named fields of a dataclass are text on one line, and not blank.

    Raises:
        ConfigError: naming the first field that is not.
    """
    for field in fields:
        value = getattr(owner, field)
        fine = isinstance(value, str) and value.strip() and len(value.splitlines()) == 1
        require(fine, field, "given, on one line", shown(repr(value)))


def require_nonnegative(owner: object, *fields: str) -> None:
    """Check that the named fields of a dataclass are numbers (or arrays) that are not below zero.

    Raises:
        ConfigError: naming the first field that is.
    """
    for field in fields:
        value = getattr(owner, field)
        require(value >= 0, field, "zero or more", value)


def require_date(owner: object, *fields: str) -> None:
    """Check that the named fields of a dataclass are dates, or dates and times, as in ISO 8601.

    Raises:
        ConfigError: naming the first field that is not.
    """
    for field in fields:
        value = getattr(owner, field)
        require(_is_date(value), field, "an ISO 8601 date", repr(value))


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= len("2026-01-31")


def require_positive(owner: object, *fields: str) -> None:
    """Check that the named fields of a dataclass are numbers (or arrays) above zero.

    Raises:
        ConfigError: naming the first field that is not.
    """
    for field in fields:
        value = getattr(owner, field)
        require(value > 0, field, "positive", value)


def require_choice(value: Any, field: str, choices: Any) -> None:
    """Check that an option is one of the words it may be.

    Args:
        value: What it is.
        field: Its name.
        choices: The words: a ``Literal``, or anything that lists them.

    Raises:
        UnknownNameError: It is none of them; the text names the nearest.
    """
    words = get_args(choices) if get_origin(choices) is Literal else tuple(choices)
    if value not in words:
        raise UnknownNameError(field, shown(str(value)), map(str, words))


def spelled(name: str) -> str:
    """A name without what people spell in several ways: its case, and all but letters and digits."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def same_names(name: str, known: Collection[str], aliases: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """The known names that a name as people write it stands for: itself, or all that are spelled like it.

    Args:
        name: Such as ``H200 SXM``.
        known: The names.
        aliases: Other names, each with the known one that it stands for.
    """
    if name in known or name in aliases:
        return [name if name in known else aliases[name]]
    key = spelled(name)
    return sorted({aliases.get(one, one) for one in (*known, *aliases) if spelled(one) == key})


def find_name(
    kind: str, name: str, known: Collection[str], aliases: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The known name that a name as people write it stands for; arguments as in :func:`same_names`.

    Raises:
        AmbiguousNameError: Several are spelled so, or none is and several begin so; lists them.
        UnknownNameError: There is none; lists the nearest.
    """
    found, key = same_names(name, known, aliases), spelled(name)
    if len(found) == 1:
        return found[0]
    found = found or [one for one in known if key and spelled(one).startswith(key)]
    if len(found) > 1:
        raise AmbiguousNameError(kind, name, found)
    raise UnknownNameError(kind, name, known)


def require_types(owner: object) -> None:
    """Check that every field of a dataclass is of the type that its annotation states.

    Flags are bools, counts are integers and no bools, numbers are real and not NaN, an option is a word of its
    ``Literal``, a tuple holds members of one type. Call it first in ``__post_init__``, before limits are checked.

    Raises:
        UnknownNameError: An option is none of its words; the text names the nearest.
        ConfigError: Another field has another type.
    """
    cls: Any = type(owner)
    for name, hint in _hints(cls).items():
        _require_type(getattr(owner, name), name, hint)


@cache
def _hints(owner: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(owner)
    return {field.name: hints[field.name] for field in fields(owner)}


_PLAIN: dict[Any, tuple[Any, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
}


def _require_type(value: Any, field: str, hint: Any) -> None:
    origin = get_origin(hint)
    if origin is Literal:
        require_choice(value, field, hint)
    elif origin in (Union, UnionType):
        _require_any_type(value, field, get_args(hint))
    elif origin is tuple:
        require(isinstance(value, tuple), field, "a tuple", shown(repr(value)))
        for item in value:
            _require_type(item, field, get_args(hint)[0])
    elif hint in _PLAIN:
        kind, words = _PLAIN[hint]
        # A bool is an int to Python, and NaN a number that no limit refuses.
        fits = isinstance(value, kind) and (hint is bool or not isinstance(value, bool)) and value == value
        require(fits, field, words, shown(repr(value)))
    elif isinstance(hint, type):
        require(isinstance(value, hint), field, f"a {hint.__name__}", shown(repr(value)))


def _require_any_type(value: Any, field: str, hints: tuple[Any, ...]) -> None:
    """Check a field that may be nothing or of one other type; a wider choice is not checked."""
    others = [hint for hint in hints if hint is not NoneType]
    if len(others) == 1 and value is not None:
        _require_type(value, field, others[0])
