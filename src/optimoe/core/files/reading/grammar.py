"""JSON and TOML as plain values: one line for what is neither, too deep, too large, or says a thing twice."""

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from optimoe.core.errors import ConfigError, shown

DEEPEST = 64
"""Tables and lists inside of each other: what reads them further down calls itself once a level."""
LARGEST_WHOLE = 10**60
"""Of a whole number: the FLOPs of all training so far have half of these digits."""


class GrammarError(ConfigError):
    """A text that its parser cannot follow, such as a line cut short."""


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON text; NaN and Infinity, which Python and trackers write, are numbers.

    Args:
        text: Of a file or of one line.
        where: What it is, for the error line.

    Raises:
        GrammarError: It is no JSON.
        ConfigError: A key stands twice in one object, or the value is too deep or holds too large a number.
    """
    return _parsed(_JSON.decode, "JSON", text, where)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The table of a TOML text; arguments and errors are those of :func:`parse_json`."""
    table: dict[str, Any] = _parsed(tomllib.loads, "TOML", text, where)
    return table


class _TwiceError(ValueError):
    """A key that stands twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs, in which every key stands once."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _TwiceError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return table


_JSON = json.JSONDecoder(object_pairs_hook=_once)


def _parsed(parse: Callable[[str], Any], kind: str, text: str, where: str) -> Any:
    try:
        value = parse(text)
    except _TwiceError as error:
        raise ConfigError(f"{where}: must name a key once, got {shown(repr(str(error)))} twice") from None
    except RecursionError:
        raise _too_deep(where) from None
    except (ValueError, OverflowError) as error:
        raise GrammarError(f"{where}: not {kind} ({shown(str(error), 100)})") from None
    _require_plain(value, where)
    return value


def _require_plain(value: Any, where: str) -> None:
    """Refuse what is too deep or too large, level by level, without calling itself."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [child for one in level for child in _children(one)]
        if not level:
            return
        huge = [child for child in level if type(child) is int and not -LARGEST_WHOLE < child < LARGEST_WHOLE]
        if huge:
            raise ConfigError(
                f"{where}: must hold whole numbers below 1e60, got one of {huge[0].bit_length()} bits"
            )
        level = [child for child in level if type(child) is dict or type(child) is list]
    raise _too_deep(where)


def _too_deep(where: str) -> ConfigError:
    return ConfigError(f"{where}: must be at most {DEEPEST} tables and lists deep, got more")


def _children(value: Any) -> Iterable[Any]:
    return value.values() if type(value) is dict else value if type(value) is list else (value,)
