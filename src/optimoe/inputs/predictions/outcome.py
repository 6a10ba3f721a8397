"""The request of ``optimoe predictions outcome``: what came of a prediction."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from optimoe.core.config import load_json
from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.predictions.ledger import LEDGER, FromRecord, require_one_way

if TYPE_CHECKING:
    from optimoe.core.predictions import LedgerPrediction

KINDS = {"s": "seconds", "bytes": "bytes"}
"""Unit of a prediction → what a typed number is read as; of other units a count."""

ASKED_BACK = 100.0
"""A number without a unit that is so many times the predicted seconds, or as small a part of them, is asked back.
Assumed: a slip between seconds and milliseconds is a factor of 1,000, and no band of optimoe reaches 100."""


@dataclass(frozen=True)
class AsText:
    """A number or a text, kept as text until its unit is known."""

    def read(self, value: Any, trusted: bool) -> str:
        """Read a number or a text.

        Raises:
            InputError: It is neither.
        """
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InputError(f"must be a number, got {value!r}")
        return str(value)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AddOutcomeRequest:
    """The outcome of a prediction, once."""

    name: str = dataclasses.field(kw_only=False)
    """The prediction."""
    value: Annotated[str, AsText()] = dataclasses.field(default="", kw_only=False)
    """What was measured, in the prediction's unit, or with one: 0.0093, 9.3ms."""
    record: FromRecord = None
    """A JSON file to take the number from, in place of VALUE; no unit is read there but the prediction's."""
    field: str = ""
    """The number in it, by keys with dots between."""
    source: str = ""
    """Where the number is from; left out, the file and the field."""
    date: str = ""
    """When it was measured, a day or a time of ISO 8601 in UTC; left out, now."""
    ledger: Path = LEDGER
    """The file of predictions and outcomes, one a line."""

    def number(self, prediction: "LedgerPrediction") -> float:
        """The number, in the prediction's unit.

        Raises:
            ConfigError: It is neither typed nor in a file, or both; or the file cannot be read or has no number
                there.
            UnknownNameError: The file has no such field; lists the nearest.
            InputError: It is no number, or one without a unit that may be seconds or milliseconds.
        """
        from optimoe.core.predictions import read_number

        require_one_way(self.record, self.field, {"VALUE": bool(self.value.strip())})
        if self.record:
            return read_number(load_json(self.record), self.field).value
        try:
            number = parse_quantity(self.value, KINDS.get(prediction.unit, "count"))
        except InputError as error:
            raise InputError(f"VALUE: {error}") from None
        bare = prediction.unit == "s" and self.value.strip()[-1] in "0123456789."
        far = number > 0 and not 1 / ASKED_BACK < number / prediction.value < ASKED_BACK
        if bare and prediction.value > 0 and far:
            said = f"{prediction.value:.3g} s were predicted"
            raise InputError(f"VALUE: {self.value} seconds, where {said}? say {self.value}s or {self.value}ms")
        return number

    def source_words(self) -> str:
        """Where the number is from.

        Raises:
            InputError: A typed number has no source.
        """
        if not self.source.strip() and self.record is None:
            raise InputError("--source: must be given: what was measured where, or a page")
        return self.source or f"{self.record}: {self.field}"
