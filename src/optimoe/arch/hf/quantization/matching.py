"""ModuleNames of modules, and the lists of names, globs and regular expressions that select them."""

import fnmatch
import re
from collections.abc import Iterable

from optimoe.core.errors import ConfigError

_NEVER = re.compile(r"(?!)")


class ModuleNames:
    """A list that selects modules.

    An entry may be a module's name, that of a module it is inside, or the last parts of its name; a glob with
    ``*`` of either of the first two; or, after ``re:``, a regular expression that matches from its start.

    Raises:
        ConfigError: An entry is no text, or no regular expression.
    """

    def __init__(self, entries: Iterable[object], where: str) -> None:
        texts = [_text(entry, where) for entry in entries]
        self._literal = frozenset(
            text.strip(".").removesuffix(".weight") for text in texts if not _is_pattern(text)
        )
        self._ends = frozenset(text.rpartition(".")[2] for text in self._literal)
        self._pattern = _compiled([text for text in texts if _is_pattern(text)], where)
        self.names_single_experts = any(re.search(r"experts\.\d", text) for text in texts)

    def within(self, names: Iterable[str]) -> bool:
        """Whether the list has no entry but some of these names."""
        return self._pattern is _NEVER and self._literal <= set(names)

    def select(self, names: Iterable[str]) -> bool:
        """Whether the list selects a module that goes by these names."""
        return any(self._selects(name) for name in names)

    def _selects(self, name: str) -> bool:
        if self._literal:
            parts = name.split(".")
            ends = range(1, len(parts) + 1)
            if not self._ends.isdisjoint(parts) and any(
                ".".join(parts[i:j]) in self._literal for j in ends for i in range(j)
            ):
                return True
        return self._pattern.match(name) is not None


def _text(entry: object, where: str) -> str:
    if not isinstance(entry, str):
        raise ConfigError(f"{where}: must list names of modules, got {entry!r}")
    return entry


def _is_pattern(text: str) -> bool:
    return text.startswith("re:") or "*" in text


def _compiled(patterns: list[str], where: str) -> re.Pattern[str]:
    """One expression for all patterns; a glob also selects what is inside the modules that it names.

    Raises:
        ConfigError: One of them is no regular expression.
    """
    if not patterns:
        return _NEVER
    sources = []
    for text in patterns:
        if text.startswith("re:"):
            source = text.removeprefix("re:")
        else:
            source = f"{fnmatch.translate(text)}|{fnmatch.translate(text.rstrip('.') + '.*')}"
        try:
            re.compile(source)
        except re.error as error:
            raise ConfigError(f"{where}: must be regular expressions after re:, got {text!r} ({error})") from None
        sources.append(f"(?:{source})")
    return re.compile("|".join(sources))
