"""The file of predictions: lines are added to it, and none is ever changed."""

from pathlib import Path
from typing import Any

from optimoe.core.config import build, stated_table
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.core.files import append_json_line, read_json_lines
from optimoe.core.predictions.entries import LedgerEntry, LedgerOutcome, LedgerPrediction, PredictionLedger
from optimoe.core.provenance import utc_now

KINDS: dict[str, type] = {"prediction": LedgerPrediction, "outcome": LedgerOutcome}
"""What a line holds, by its only key."""


def load_ledger(path: Path) -> PredictionLedger:
    """Read a file of predictions and outcomes, one JSON object a line, in any order.

    Where two processes, or two branches that were merged, give one name twice, the first line counts.

    Raises:
        InputError: It cannot be read.
        ConfigError: A line is neither of the two, an outcome has no prediction or is older than it, or a
            prediction was changed after its outcome was added.
    """
    lines = read_json_lines(path, "a prediction or an outcome", begins=tuple(KINDS))
    found: dict[str, dict[str, tuple[str, Any]]] = {kind: {} for kind in KINDS}
    remarks = list(lines.torn)
    for where, table in lines.rows:
        kind, one = _line(table, where)
        first, _ = found[kind].setdefault(one.name, (where, one))
        if first != where:
            remarks.append(f"{where}: a second {kind} of {one.name} does not count")
    predictions, outcomes = found["prediction"], found["outcome"]
    for name, (where, _) in outcomes.items():
        require(name in predictions, where, "an outcome of a prediction that is here", name)
    entries = [_entry(said, outcomes.get(name)) for name, (_, said) in predictions.items()]
    return PredictionLedger(entries=tuple(entries), remarks=tuple(remarks))


def add_prediction(path: Path, prediction: LedgerPrediction) -> LedgerEntry:
    """Add a prediction to a file, which is made where it is not there.

    Raises:
        ConfigError: The name is taken: what was said is never changed, before its outcome or after.
        InputError: The file cannot be read or written.
    """
    ledger = load_ledger(path) if path.exists() else PredictionLedger()
    if prediction.name in ledger:
        said = ledger.entry(prediction.name).prediction
        require(
            False, "name", "one that is not taken (what was said stays: say more under another name)",
            f"{prediction.name}, predicted {said.entered_utc}",
        )  # fmt: skip
    append_json_line(path, {"prediction": stated_table(prediction)})
    return _counting(path, LedgerEntry(prediction=prediction))


def add_outcome(path: Path, name: str, value: float, *, source: str, measured_utc: str = "") -> LedgerEntry:
    """Add the outcome of a prediction, once.

    Args:
        path: The file.
        name: Of the prediction.
        value: The number, in the prediction's unit.
        source: Where it is from.
        measured_utc: When it was measured; now where it is left out.

    Raises:
        UnknownNameError: There is no such prediction; lists the nearest.
        ConfigError: It has an outcome, or this one is older than the prediction.
        InputError: The file cannot be read or written.
    """
    entry = load_ledger(path).entry(name)
    if came := entry.outcome:
        require(False, name, "open", f"{came.value:g}, added {came.entered_utc}: an outcome is added once")
    now = utc_now()
    outcome = LedgerOutcome(
        name=name,
        value=value,
        source=source,
        measured_utc=measured_utc or now,
        entered_utc=now,
        seal=entry.prediction.seal,
    )
    settled = LedgerEntry(prediction=entry.prediction, outcome=outcome)
    append_json_line(path, {"outcome": stated_table(outcome)})
    return _counting(path, settled)


def _line(table: dict[str, Any], where: str) -> tuple[str, Any]:
    """The kind of a line, and what it says.

    Raises:
        ConfigError: It is of no kind, or a field is missing, has the wrong type or is out of its limits.
    """
    kind = next(iter(table), "")
    known = kind in KINDS and len(table) == 1 and isinstance(table[kind], dict)
    require(
        known, where, " or ".join(f'{{"{one}": {{…}}}}' for one in KINDS), f"keys {', '.join(table) or 'none'}"
    )
    try:
        return kind, build(KINDS[kind], table[kind], where=where)
    except InputError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from None


def _entry(said: LedgerPrediction, came: tuple[str, LedgerOutcome] | None) -> LedgerEntry:
    """A prediction with its outcome.

    Raises:
        ConfigError: They do not belong together; with the place of the outcome.
    """
    if came is None:
        return LedgerEntry(prediction=said)
    where, outcome = came
    try:
        return LedgerEntry(prediction=said, outcome=outcome)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _counting(path: Path, added: LedgerEntry) -> LedgerEntry:
    """What was added, once it is sure that it counts.

    Raises:
        ConfigError: Another process added the same name first, between the check and the line.
    """
    name = added.prediction.name
    counts = load_ledger(path).entry(name) == added
    require(counts, name, "added by one process at a time", "another's line before ours, which counts")
    return added
