"""One level of load as another tool's file tells of it: what a record can know of it, and what must be stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from optimoe.core.errors import ConfigError, InputError, OptimoeError
from optimoe.core.latency import LatencyRecord
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import LATENCIES

DEGREES = ("tp", "pp", "dp")
"""Degrees of parallelism whose product is the number of GPUs."""

NEEDED = (
    "model", "gpu", "num_gpus", "engine", "engine_version", "precision", "measured_utc", "input_tokens",
    "output_tokens", "concurrency",
)  # fmt: skip
"""What a record cannot do without beside its latencies, which only a file can tell. The precision is among them:
the record's own default would be taken for what was measured."""

MOST_IN_FLIGHT, LEAST_IN_FLIGHT = 1.5, 0.02
"""Requests in flight by Little's law over the stated concurrency: more are impossible, but for what medians differ
from means; far fewer, where the concurrency was held, come of a time in another unit."""


@dataclass(frozen=True, kw_only=True)
class ForeignLevel:
    """One level of load in the file of another tool.

    Attributes:
        where: The file, and the line or the place in it.
        facts: Fields of a latency record by name, as far as the file tells them, times in seconds.
        completed: Requests that were answered; 0 where it is not told.
        duration_s: Of the level; 0 where it is not told.
        is_closed: Whether a request was always followed by the next, so that the concurrency was held.
    """

    where: str
    facts: Mapping[str, Any]
    completed: float = 0.0
    duration_s: float = 0.0
    is_closed: bool = True


def latency_records(
    levels: Sequence[ForeignLevel], stated: Mapping[str, Any], flags: Mapping[str, str] | None = None
) -> tuple[LatencyRecord, ...]:
    """Levels as latency records.

    Args:
        levels: As files tell of them.
        stated: Fields of the records that a person states; they win.
        flags: How each field is stated, for the error line; its name if left out.

    Raises:
        InputError: Something that a record needs is neither told nor stated; names all of it.
        ConfigError: A value is out of the limits of a record, or latencies and duration contradict each other.
    """
    told = [{**_deployment(level.facts), **_deployment(stated)} for level in levels]
    missing = [name for name in NEEDED if not all(name in facts for facts in told)]
    if missing:
        named = ", ".join((flags or {}).get(name, name) for name in missing)
        raise InputError(f"{levels[0].where}: does not tell everything that a record needs: state {named}")
    return tuple(_record(level, facts) for level, facts in zip(levels, told, strict=True))


def _deployment(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is known, with the number of GPUs of a layout, or the layout of a single GPU."""
    known = {name: value for name, value in facts.items() if name in _FIELDS}
    if any(name in known for name in DEGREES) and "num_gpus" not in known:
        product = 1
        for name in DEGREES:
            product *= int(known.get(name, 1))
        known["num_gpus"] = product
    return known


_FIELDS = frozenset(field.name for field in fields(LatencyRecord))


def _record(level: ForeignLevel, facts: dict[str, Any]) -> LatencyRecord:
    for name in ("ttft", "tpot"):
        require_range(facts[f"{name}_s"], f"{level.where}: {name}_s", LATENCIES[name])
    try:
        record = LatencyRecord(**_rounds(level, facts) | facts)
    except OptimoeError as error:
        raise ConfigError(f"{level.where}: {error}") from None
    _require_consistent(level, record)
    return record


def _rounds(level: ForeignLevel, facts: Mapping[str, Any]) -> dict[str, float]:
    """Requests over concurrency, where requests are counted."""
    return {"rounds": max(1.0, level.completed / facts["concurrency"])} if level.completed else {}


def _require_consistent(level: ForeignLevel, record: LatencyRecord) -> None:
    """Check that requests of these latencies fit into the duration of the level (Little's law)."""
    if not level.completed or not level.duration_s:
        return
    each_s = record.ttft_s + (record.output_tokens - 1) * record.tpot_s
    share = level.completed * each_s / level.duration_s / record.concurrency
    if share > MOST_IN_FLIGHT or (level.is_closed and share < LEAST_IN_FLIGHT):
        done = f"{level.completed:.0f} requests of {each_s:.3g} s each in {level.duration_s:.3g} s"
        found = f"{share * record.concurrency:.3g} in flight, not {record.concurrency:g}"
        raise ConfigError(f"{level.where}: {done} are {found}: is a time in another unit?")
