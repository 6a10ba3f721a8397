"""The request of ``optimoe predictions add``: a number and its band, from a record or typed."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.config import load_json
from optimoe.core.errors import require
from optimoe.core.provenance import utc_now
from optimoe.inputs.predictions.ledger import LEDGER, FromRecord, require_one_way

if TYPE_CHECKING:
    from optimoe.core.predictions import LedgerPrediction


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AddPredictionRequest:
    """A prediction to write down before its outcome."""

    name: str = dataclasses.field(kw_only=False)
    """What it is called, once in the ledger."""
    record: FromRecord = None
    """What `optimoe … --json` printed or `result.save()` wrote: with its band, unit, command, version."""
    field: str = ""
    """The number in it, by keys with dots between, such as tpot_s, choice.loss or models.0.params_total."""
    value: float | None = None
    """The number, where no record holds it."""
    low: float | None = None
    """Lower end of its band, typed likewise."""
    high: float | None = None
    """Upper end of its band, typed likewise."""
    unit: str = ""
    """Unit of a typed number, such as s, bytes, $ or nats/token."""
    command: str = ""
    """What a typed number comes from, in words."""
    level: float | None = None
    """Share of outcomes that such a band is to hold, such as 0.9, where the record does not state it."""
    settled_by: str = ""
    """What will be measured to settle it, in words."""
    ledger: Path = LEDGER
    """The file of predictions and outcomes, one a line."""

    def prediction(self) -> "LedgerPrediction":
        """The prediction, as of now.

        Raises:
            ConfigError: The number is neither in a record nor typed, or is both; the record cannot be read or does
                not say how it was made; or the band lacks an end, its level, or the number.
            UnknownNameError: The record has no such field; lists the nearest.
        """
        typed = {
            "--value": self.value is not None,
            "--low": self.low is not None,
            "--high": self.high is not None,
            "--unit": bool(self.unit),
            "--command": bool(self.command),
        }
        require_one_way(self.record, self.field, typed)
        return self._recorded() if self.record else self._typed()

    def _recorded(self) -> "LedgerPrediction":
        from optimoe.core.predictions import LedgerPrediction, read_number

        assert self.record is not None
        document = load_json(self.record)
        made = document.get("made")
        says = isinstance(made, dict) and all(
            isinstance(made.get(key), str) for key in ("version", "command", "utc")
        )
        require(says, f"{self.record}: made", "there: version, command and date, as optimoe writes them", "none")
        assert isinstance(made, dict)
        number = read_number(document, self.field)
        if number.level is not None and self.level is not None:
            require(self.level == number.level, "--level", f"{number.level:g}, as the record states", self.level)
        level = self.level if number.level is None else number.level
        stated = number.low is None or level is not None
        require(
            stated,
            "--level",
            f"given: the record states no share that the band of {self.field} is to hold",
            "none",
        )
        return LedgerPrediction(
            name=self.name,
            value=number.value,
            low=number.low,
            high=number.high,
            level=level,
            unit=number.unit,
            what=self.field,
            command=made["command"],
            version=made["version"],
            made_utc=made["utc"],
            entered_utc=utc_now(),
            settled_by=self.settled_by,
        )

    def _typed(self) -> "LedgerPrediction":
        from optimoe.core.predictions import LedgerPrediction

        assert self.value is not None
        now = utc_now()
        return LedgerPrediction(
            name=self.name,
            value=self.value,
            low=self.low,
            high=self.high,
            level=self.level,
            unit=self.unit,
            command=self.command,
            made_utc=now,
            entered_utc=now,
            settled_by=self.settled_by,
        )
