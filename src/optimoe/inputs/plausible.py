"""Numbers that cannot mean what they say are refused where they are stated, with their plausible range."""

from dataclasses import MISSING, fields
from typing import Any

from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import REQUESTED


class Plausible:
    """A group of options whose numbers lie in their plausible ranges (``core.ranges.table``).

    Raises:
        ConfigError: One does not; the text names the option, its range and why it ends there.
    """

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            limits = REQUESTED.get(field.name)
            value = getattr(self, field.name)
            if limits is None or value is None or _is_default(field, value):
                continue
            for number in _numbers(value):
                require_range(number, field.name, limits)


def _is_default(field: Any, value: Any) -> bool:
    """Whether nothing was stated: infinite or zero by default means that there is no limit, or none."""
    return bool(field.default is not MISSING and value == field.default)


def _numbers(value: Any) -> list[float]:
    """The numbers of an option: its own, or those between commas; what is none is refused where it is read."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, str):
        return []
    found = []
    for part in value.split(","):
        try:
            found.append(float(part))
        except ValueError:
            continue
    return found
