"""Typed reading of a ``config.json``: the error names the field, what it must be and what it is."""

from collections.abc import Callable, Mapping
from typing import Any

from optimoe.arch.spec import MOST_LAYERS
from optimoe.core.errors import ConfigError, require, shown

Config = Mapping[str, Any]
Flag = bool | str
"""A property of the family, or the name of the field that states it."""
_MISSING = object()


class Fields:
    """The fields of a configuration, with what the family's own code takes for an absent one.

    A name may be dotted (``attn_config.kv_n_heads``); several names are alternatives that must agree, and so are
    ``aliases``, other names by which the family's own code knows a field.

    Attributes:
        asked: Every name that was looked for so far.
        assumed: Those of them that the configuration lacks and the family's own code has a value for.
    """

    def __init__(self, config: Config, defaults: Config, aliases: Mapping[str, str] | None = None) -> None:
        self._config = config
        self._defaults = defaults
        self._aliases = aliases or {}
        self.asked: set[str] = set()
        self.assumed: set[str] = set()

    def has(self, *names: str) -> bool:
        """Whether one of the fields is there and not null."""
        return self._find(names) not in (None, _MISSING)

    def null(self, name: str) -> bool:
        """Whether the field is there and null."""
        return self._find((name,)) is None

    def value(self, name: str) -> Any:
        """What stands there, of whatever type; none where it is missing or null."""
        return self.stated(name, None)

    def stated(self, name: str, otherwise: Any) -> Any:
        """What stands there, null too, or something else where it is missing."""
        value = self._find((name,))
        return otherwise if value is _MISSING else value

    def count(self, *names: str, null: int = 0, absent: int = 0, zero: bool = False) -> int:
        """A positive integer, or 0 where ``zero``.

        Args:
            names: The field's names.
            null: What null stands for, if it may be null.
            absent: What a missing field stands for, if it may be missing.
            zero: Whether it may be 0.

        Raises:
            ConfigError: Missing, or anything else.
        """
        if absent and self._find(names) is _MISSING:
            self.assumed.add(names[0])
            return absent
        value = self._required(names)
        if value is None and null:
            return null
        if type(value) is not int or value < 0 or (value == 0 and not zero):
            limit = "zero or a positive integer" if zero else "a positive integer"
            raise ConfigError(f"{names[0]}: must be {limit}, got {value!r}")
        return value

    def phase(self, period: str, offset: str) -> tuple[int, int]:
        """A period of layers and an offset within it.

        Raises:
            ConfigError: Missing, no counts, or the offset is no smaller than the period.
        """
        every, first = self.count(period), self.count(offset, zero=True)
        require(first < every, offset, f"below {period} = {every}", first)
        return every, first

    def depth(self, *names: str) -> int:
        """How many layers a model has, by the field ``num_hidden_layers`` or others.

        Raises:
            ConfigError: Missing, no count, or more than any model has.
        """
        names = names or ("num_hidden_layers", "n_layers")
        num_layers = self.count(*names)
        require(num_layers <= MOST_LAYERS, names[0], f"at most {MOST_LAYERS}", num_layers)
        return num_layers

    def layer(self, name: str, num_layers: int) -> int:
        """A layer's index from 0; where the field is missing or −1, that of the last one.

        Raises:
            ConfigError: Anything else.
        """
        value = self._find((name,))
        return num_layers - 1 if value is _MISSING or value == -1 else self.count(name, zero=True)

    def is_text(self, name: str, text: str) -> bool:
        """Whether the field is that string."""
        return self._find((name,)) == text

    def flag(self, *names: str) -> bool:
        """Read a field that must be true or false.

        Raises:
            ConfigError: Missing, or anything else.
        """
        value = self._required(names)
        if type(value) is not bool:
            raise ConfigError(f"{names[0]}: must be true or false, got {value!r}")
        return value

    def text(self, *names: str) -> str:
        """Read a field that must be a string.

        Raises:
            ConfigError: Missing, or anything else.
        """
        value = self._required(names)
        if not isinstance(value, str):
            raise ConfigError(f"{names[0]}: must be a string, got {value!r}")
        return value

    def items(self, name: str, kind: type, length: int = 0) -> list[Any]:
        """A list of strings or integers, of a given length unless that is 0.

        Raises:
            ConfigError: Missing, or anything else.
        """
        value = self._required((name,))
        if not isinstance(value, list) or any(type(item) is not kind for item in value):
            raise ConfigError(f"{name}: must be a list of {kind.__name__}, got {value!r}")
        if length and len(value) != length:
            raise ConfigError(f"{name}: must have one entry for each of {length} layers, got {len(value)}")
        return value

    def of_layers(self, names: Mapping[str, str], num_layers: int) -> "list[Fields]":
        """The fields of each layer: a list with one value a layer stands there for its value alone.

        Layers of equal values share theirs.

        Args:
            names: By the name of a field that may be such a list, the field that a value of it is in its layer.
            num_layers: The length of each list.

        Raises:
            ConfigError: A list of another length, or of other items than integers.
        """
        listed = {
            name: field
            for name, field in names.items()
            if isinstance(self.value(name), list) or (name != field and self.has(name))
        }
        if not listed:
            return [self] * num_layers
        columns = [self.items(name, int, num_layers) for name in listed]
        views: dict[tuple[int, ...], Fields] = {}
        for values in zip(*columns, strict=True):
            if values not in views:
                views[values] = self.over(dict(zip(listed.values(), values, strict=True)))
        return [views[values] for values in zip(*columns, strict=True)]

    def over(self, own: Config) -> "Fields":
        """Put other fields in the place of some; what is asked of the result counts as asked here.

        Args:
            own: The others, as those that a layer has of its own.
        """
        view = Fields({**self._config, **own}, self._defaults, self._aliases)
        view.asked, view.assumed = self.asked, self.assumed
        return view

    def _required(self, names: tuple[str, ...]) -> Any:
        value = self._find(names)
        if value is _MISSING:
            raise ConfigError(f"{names[0]}: missing")
        return value

    def _find(self, names: tuple[str, ...]) -> Any:
        names = (*names, *(alias for alias, name in self._aliases.items() if name in names))
        self.asked.update(names)
        for source in (self._config, self._defaults):
            found = {name: _dotted(source, name) for name in names}
            stated = {name: value for name, value in found.items() if value is not _MISSING}
            if stated:
                self.assumed |= set() if source is self._config else {names[0]}
                first, *others = stated.values()
                if any(other != first for other in others):
                    raise ConfigError(
                        f"{', '.join(stated)}: must agree, got {', '.join(map(repr, stated.values()))}"
                    )
                return first
        return _MISSING


def stated_rows(fields: Fields, name: str, num_layers: int, known: tuple[str, ...]) -> dict[int, dict[str, Any]]:
    """What a table states of single layers, by their number.

    Args:
        fields: Those of the model.
        name: The field of the table.
        num_layers: Layers of the model.
        known: What a row may state.

    Raises:
        ConfigError: A row is of no layer, or states something else.
    """
    rows, limit = fields.value(name), f"rows of layers below {num_layers}, of {known[0]} and the like"
    numbered = isinstance(rows, Mapping) and all(str(layer).isdigit() for layer in rows)
    require(numbered and all(int(layer) < num_layers for layer in rows), name, limit, shown(str(rows)))
    stated = all(isinstance(row, Mapping) and set(row) <= set(known) for row in rows.values())
    require(stated, name, limit, shown(str(rows)))
    return {int(layer): dict(row) for layer, row in rows.items()}


def read_flag(fields: Fields, flag: Flag) -> bool:
    """A property of the family, or what the field of that name says."""
    return fields.flag(flag) if isinstance(flag, str) else flag


def stated_rope(value: Callable[[str], Any]) -> Any:
    """The table of rotary positions: ``rope_scaling`` before ``rope_parameters``, as ``transformers`` chooses.

    Args:
        value: A field's value by its name, or nothing.
    """
    return value("rope_scaling") or value("rope_parameters")


def rope_kind(table: Mapping[str, Any]) -> Any:
    """The kind of rotary positions that a table states, by either of its names."""
    return table.get("rope_type", table.get("type", "default"))


def _dotted(source: Any, name: str) -> Any:
    if isinstance(source, Mapping) and name in source:
        return source[name]
    for part in name.split("."):
        if not isinstance(source, Mapping) or part not in source:
            return _MISSING
        source = source[part]
    return source
