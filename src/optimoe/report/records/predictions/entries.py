"""JSON of ``optimoe predictions add`` and ``outcome``: a prediction and what came of it."""

from dataclasses import dataclass
from math import isnan

from msgspec import UNSET, UnsetType

from optimoe.core.predictions import LedgerEntry, LedgerOutcome, LedgerPrediction
from optimoe.core.records import same_fields


@dataclass(frozen=True, kw_only=True)
class LedgerPredictionRecord:
    """A number that is said before anybody knows it.

    Attributes:
        name: Under which it is found.
        value: The number.
        low: Lower end of its band; null without one.
        high: Upper end; null likewise.
        level: Share of outcomes that such a band is to hold; null likewise.
        unit: Of the number; empty for a ratio.
        what: The field of the record that it was taken from; empty where it was typed.
        command: What made the record; empty from Python, or where the number was typed without words.
        version: Release of optimoe that made it; empty where it was typed.
        made_utc: When the number was made, ISO 8601.
        entered_utc: When it was entered, which is what an outcome must not be older than.
        settled_by: What will be measured, in words.
        seal: Hash of all this, which its outcome keeps.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    level: float | None
    unit: str
    what: str
    command: str
    version: str
    made_utc: str
    entered_utc: str
    settled_by: str
    seal: str


@dataclass(frozen=True, kw_only=True)
class LedgerOutcomeRecord:
    """What came of a prediction.

    Attributes:
        value: The number, in the prediction's unit.
        source: Where it is from.
        measured_utc: When it was measured, ISO 8601.
        entered_utc: When it was entered.
        place: ``inside`` the band, ``below`` or ``above`` it; empty without one.
        ratio: The outcome over the prediction; null where they are not both positive.
    """

    value: float
    source: str
    measured_utc: str
    entered_utc: str
    place: str
    ratio: float | None


@dataclass(frozen=True, kw_only=True)
class LedgerEntryRecord:
    """A prediction and what came of it, if anything has.

    Attributes:
        prediction: What was said.
        outcome: What came; absent while it is open.
    """

    prediction: LedgerPredictionRecord
    outcome: LedgerOutcomeRecord | UnsetType = UNSET


def entry_record(entry: LedgerEntry) -> LedgerEntryRecord:
    """A prediction with its outcome, where it has one."""
    return LedgerEntryRecord(
        prediction=_prediction_record(entry.prediction),
        outcome=UNSET if entry.outcome is None else _outcome_record(entry, entry.outcome),
    )


def _prediction_record(said: LedgerPrediction) -> LedgerPredictionRecord:
    return same_fields(LedgerPredictionRecord, said)


def _outcome_record(entry: LedgerEntry, came: LedgerOutcome) -> LedgerOutcomeRecord:
    ratio = None if isnan(entry.ratio) else entry.ratio
    return same_fields(LedgerOutcomeRecord, came, place=entry.place, ratio=ratio)
