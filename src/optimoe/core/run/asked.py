"""A run as a file may ask for it: peak rate and batch as numbers, or as names of published rules for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimoe.core.errors import require, require_types
from optimoe.core.run.spec import RunSpec, run_from_table

PEAK_RATE, BATCH = "schedule.peak_rate", "batch_tokens"
"""Fields that may hold the name of a rule."""


@dataclass(frozen=True, kw_only=True)
class AskedRun:
    """A run of which published rules may give two numbers (:func:`optimoe.laws.prediction.rates.settled`).

    Attributes:
        run: What is stated. Where a rule stands a number holds its place: a rate of 1, a batch of one sequence.
        rate_rule: Name of the rule of the peak rate; empty where the run states the number.
        batch_rule: Of the batch, likewise.

    Raises:
        ConfigError: A rule is to give the batch of a run of stages, each of whole batches.
    """

    run: RunSpec
    rate_rule: str = ""
    batch_rule: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require(not (self.batch_rule and self.run.stages), BATCH, "a number in a run of stages", self.batch_rule)


def asked_from_table(table: Mapping[str, Any], where: str) -> AskedRun:
    """A run from a table of a file, with the names that stand where numbers may.

    Raises:
        ConfigError: A field is missing, of the wrong type or out of limits.
        UnknownNameError: A key is no field; the text lists the nearest.
    """
    schedule = table.get("schedule")
    rate_rule = _name(schedule.get("peak_rate")) if isinstance(schedule, Mapping) else ""
    batch_rule = _name(table.get("batch_tokens"))
    held: dict[str, Any] = {"schedule": {**(schedule or {}), "peak_rate": 1.0}} if rate_rule else {}
    held |= {"batch_tokens": table.get("seq_len")} if batch_rule else {}
    run = run_from_table({**table, **held}, where=where)
    return AskedRun(run=run, rate_rule=rate_rule, batch_rule=batch_rule)


def _name(value: Any) -> str:
    return value if isinstance(value, str) and value.strip() else ""
