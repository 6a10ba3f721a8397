"""A number out of a record, with the band and the unit that the record gives it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from optimoe.core.errors import ConfigError, UnknownNameError, require, shown

LEVELS: Mapping[str, float] = MappingProxyType(
    {
        # ends are the 5 and 95 % quantiles of measured errors: cost.calibration.errors
        "ttft_s": 0.9,
        "tpot_s": 0.9,
        "tokens_per_s": 0.9,
        "tokens_per_s_per_gpu": 0.9,
        "usd_per_mtok": 0.9,
        # ends of a law's scatter and draws: laws.terms.band
        "loss": 0.9,
        "params": 0.9,
        "value": 0.9,
        # ends of a law's draws: laws.prediction.speedup
        "alpha": 0.9,
        "floor": 0.9,
        # ends of published runs: planner.hours, cost.training
        "mfu": 0.9,
        "train_gpu_hours": 0.9,
    }
)
"""Share of outcomes that a number's band is to hold, by the number's name, where no ``level`` stands beside it.
Other pairs of a low and a high end are ranges, such as of set-ups or of prices, of which no share is known."""

UNITS = (
    ("tokens_per_s_per_gpu", "tokens/s/GPU"),
    ("tokens_per_s", "tokens/s"),
    ("requests_per_s", "requests/s"),
    ("flops_per_s", "FLOP/s"),
    ("bytes_per_s", "bytes/s"),
    ("usd_per_mtok", "$/Mtok"),
    ("kwh_per_mtok", "kWh/Mtok"),
    ("usd_per_gpu_hour", "$/GPU h"),
    ("gpu_hours", "GPU h"),
    ("usd", "$"),
    ("bytes", "bytes"),
    ("flops", "FLOP"),
    ("tokens", "tokens"),
    ("days", "days"),
    ("kwh", "kWh"),
    ("s", "s"),
    ("loss", "nats/token"),
)
"""What a name ends in, and the unit that it states; the longer ending first."""


@dataclass(frozen=True, kw_only=True)
class ReadNumber:
    """A number that a record holds.

    Attributes:
        value: The number.
        low, high: Ends of its band; none where the record has none.
        level: Share of outcomes that the band is to hold; none where the record states none.
        unit: By its name; empty for a ratio.
    """

    value: float
    low: float | None
    high: float | None
    level: float | None
    unit: str


def read_number(document: Mapping[str, Any], path: str) -> ReadNumber:
    """A number of a JSON document, with what stands beside it.

    Args:
        document: The whole object.
        path: Keys from the top with dots between, such as ``choice.loss`` or ``laws.0.loss``; a list is counted
            from 0, and a key may hold dots itself.

    Raises:
        UnknownNameError: No such key; lists the nearest.
        ConfigError: A number of a list is beyond its end, or no number stands there.
    """
    holder, name, value = _found(document, path)
    if isinstance(value, Mapping) or (isinstance(value, list) and value):
        keys = list(value) if isinstance(value, Mapping) else range(len(value))
        more = ", ".join(f"{path}.{key}" for key in keys)
        raise ConfigError(f"{path}: must be a number, and holds several: {shown(more, 200)}")
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    require(number, path, "a number", "null" if value is None else shown(repr(value)))
    low, high = _band(holder, name)
    level = holder.get("level", LEVELS.get(name)) if low is not None else None
    stated = holder.get("unit")
    unit = stated if isinstance(stated, str) else unit_of_name(name)
    return ReadNumber(value=float(value), low=low, high=high, level=level, unit=unit)


def unit_of_name(name: str) -> str:
    """The unit that a name ends in; empty for a ratio or a count."""
    return next((unit for end, unit in UNITS if name == end or name.endswith(f"_{end}")), "")


def _found(node: Any, path: str) -> tuple[Mapping[str, Any], str, Any]:
    """What holds the last key of a path, that key, and what stands there.

    Raises:
        UnknownNameError: No such key; lists the nearest.
        ConfigError: A number of a list is beyond its end.
    """
    holder: Mapping[str, Any] = {}
    name, left = "", path
    while left:
        if isinstance(node, Mapping):
            holder = node
            # the longest first: names of models and of levels hold dots
            keys = sorted((key for key in node if left == key or left.startswith(f"{key}.")), key=len)
            name = keys[-1] if keys else left.partition(".")[0]
            if not keys:
                raise UnknownNameError("field", name, node)
            node = node[name]
        elif isinstance(node, list):
            name, holder = left.partition(".")[0], {}
            place = name.isdecimal() and int(name) < len(node)
            require(place, "field", f"0 to {len(node) - 1} of a list in place of {name!r}", path)
            node = node[int(name)]
        else:
            require(False, "field", f"no longer than down to {name}, which holds {shown(repr(node), 30)}", path)
        left = left[len(name) + 1 :]
    return holder, name, node


def _band(holder: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    """The ends of a number's band: ``tpot_low_s`` of ``tpot_s``, or ``low`` beside it; none without both."""
    for low, high in _ends(holder, name):
        ends = (holder.get(low), holder.get(high))
        if all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
            return float(ends[0]), float(ends[1])  # type: ignore[arg-type]
    return None, None


def _ends(holder: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Names that the ends of a number's band may have."""
    words = name.split("_")
    for place in range(1, len(words) + 1):
        low, high = ("_".join([*words[:place], end, *words[place:]]) for end in ("low", "high"))
        yield low, high
    # `low` and `high` alone may also be a range that has nothing to do with the number: of prices, of fitted runs
    if "level" in holder or "band" in holder or name in ("loss", "params"):
        yield "low", "high"
