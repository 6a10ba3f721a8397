"""A prediction with its band, the outcome that came of it, and the ledger that holds them."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from optimoe.core.config import stated_table
from optimoe.core.errors import UnknownNameError, require, require_date, require_text, require_types

SEAL_DIGITS = 16
"""Hexadecimal digits of a seal: 64 bits, which no slip of an editor meets by chance."""

_DAY = len("2026-01-31")
_EARLIEST_CLOCK = timedelta(hours=14)
"""Where the date is ahead of UTC's most: a day that is not over here may be tomorrow there."""


@dataclass(frozen=True, kw_only=True)
class LedgerPrediction:
    """A number that is said before anybody knows it.

    Attributes:
        name: Under which it is found.
        value: The number.
        low, high: Ends of its band; none without one.
        level: Share of outcomes that such a band is to hold, such as 0.9; none without a band.
        unit: Of the number, such as ``s``; empty for a ratio.
        what: The field of the record that it was taken from; empty where it was typed.
        command: What made the record; empty from Python, or where the number was typed.
        version: Release of optimoe that made it; empty where it was typed.
        made_utc: When the number was made, ISO 8601.
        entered_utc: When it was entered here, which is what an outcome must not be older than.
        settled_by: What will be measured, and how; for people.

    Raises:
        ConfigError: A value is out of its limits; the text names the field, the limit and the value.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None
    unit: str = ""
    what: str = ""
    command: str = ""
    version: str = ""
    made_utc: str
    entered_utc: str
    settled_by: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "name")
        require(math.isfinite(self.value), "value", "finite", self.value)
        band = (self.low, self.high, self.level)
        given = [one for one in band if one is not None]
        require(len(given) in (0, 3), "low, high, level", "given all three, or none of them", band)
        if self.low is not None and self.high is not None and self.level is not None:
            finite = math.isfinite(self.low) and math.isfinite(self.high)
            ordered = finite and self.low <= self.value <= self.high
            require(ordered, "band", f"finite, and around {self.value:g}", f"{self.low:g} to {self.high:g}")
            require(0 < self.level < 1, "level", "a share above 0 and below 1, such as 0.9", self.level)
        require_date(self, "made_utc", "entered_utc")
        made_before = earliest(self.made_utc) <= latest(self.entered_utc)
        require(made_before, "made_utc", f"no later than it was entered, {self.entered_utc}", self.made_utc)

    @property
    def seal(self) -> str:
        """A hash of all that it says, which an outcome keeps: a prediction that is changed afterwards shows."""
        # What is as by default is left out, so that a field of a later version changes no old seal.
        text = json.dumps(stated_table(self), sort_keys=True, ensure_ascii=False)
        return sha256(text.encode(errors="replace")).hexdigest()[:SEAL_DIGITS]


@dataclass(frozen=True, kw_only=True)
class LedgerOutcome:
    """What came of a prediction.

    Attributes:
        name: Of the prediction.
        value: The number, in the prediction's unit.
        source: Where it is from: a measurement, a file, a page.
        measured_utc: When it was measured, a day or a time, ISO 8601.
        entered_utc: When it was entered here.
        seal: Of the prediction as it was then.

    Raises:
        ConfigError: A value is out of its limits; the text names the field, the limit and the value.
    """

    name: str
    value: float
    source: str
    measured_utc: str
    entered_utc: str
    seal: str

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "name", "source", "seal")
        require(math.isfinite(self.value), "value", "finite", self.value)
        require_date(self, "measured_utc", "entered_utc")
        past = earliest(self.measured_utc) - _EARLIEST_CLOCK <= latest(self.entered_utc)
        require(past, "measured_utc", f"no later than it was entered, {self.entered_utc}", self.measured_utc)


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """A prediction and what came of it, if anything has.

    Attributes:
        prediction: What was said.
        outcome: What came; none while it is open.

    Raises:
        ConfigError: The outcome is older than the prediction, or the prediction was changed after it.
    """

    prediction: LedgerPrediction
    outcome: LedgerOutcome | None = None

    def __post_init__(self) -> None:
        said, came = self.prediction, self.outcome
        if came is None:
            return
        unchanged = came.seal == said.seal
        require(unchanged, f"{said.name}: seal", f"{came.seal}, as when its outcome was added", said.seal)
        after = latest(came.measured_utc) >= earliest(said.entered_utc)
        field = f"{said.name}: measured_utc"
        require(after, field, f"no earlier than the prediction, {said.entered_utc}", came.measured_utc)

    @property
    def place(self) -> str:
        """Where the outcome lies: ``inside`` the band, ``below`` or ``above``; empty without one of the two."""
        said, came = self.prediction, self.outcome
        if came is None or said.low is None or said.high is None:
            return ""
        return "below" if came.value < said.low else "above" if came.value > said.high else "inside"

    @property
    def ratio(self) -> float:
        """The outcome over the prediction; NaN without one, or where they are not both positive."""
        came = self.outcome
        return (
            came.value / self.prediction.value if came and min(came.value, self.prediction.value) > 0 else math.nan
        )


@dataclass(frozen=True, kw_only=True)
class PredictionLedger:
    """What a file of predictions holds.

    Attributes:
        entries: Each prediction, in the order in which they were added.
        remarks: Lines that do not count, and why.
    """

    entries: tuple[LedgerEntry, ...] = ()
    remarks: tuple[str, ...] = ()

    def entry(self, name: str) -> LedgerEntry:
        """The prediction of a name.

        Raises:
            UnknownNameError: There is none; lists the nearest.
        """
        found = [entry for entry in self.entries if entry.prediction.name == name]
        if not found:
            raise UnknownNameError("prediction", name, [entry.prediction.name for entry in self.entries])
        return found[0]

    def __contains__(self, name: object) -> bool:
        return any(entry.prediction.name == name for entry in self.entries)


def earliest(date: str) -> datetime:
    """The first moment that a date, or a date and time, may mean; UTC where it names no zone."""
    moment = datetime.fromisoformat(date)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def latest(date: str) -> datetime:
    """The last moment that it may mean: of a day its end."""
    return earliest(date) + (timedelta(days=1) if len(date) == _DAY else timedelta())
