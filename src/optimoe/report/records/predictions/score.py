"""JSON of ``optimoe predictions``: a ledger and its score."""

from dataclasses import dataclass
from pathlib import Path

from optimoe.core.predictions import LedgerScore, PredictionLedger
from optimoe.core.predictions.score import Calibration
from optimoe.core.records import same_fields
from optimoe.report.records.predictions.entries import LedgerEntryRecord, entry_record


@dataclass(frozen=True, kw_only=True)
class BandScoreRecord:
    """How often bands of one stated level held their outcome.

    Attributes:
        level: Share of outcomes that they are to hold.
        settled: How many have an outcome.
        inside: How many held it.
        share: inside over settled.
        low: Lower end of 95 % around that share (Clopper and Pearson), of outcomes that are independent.
        high: Upper end.
        verdict: Whether the level lies between them: ``as stated``, ``too narrow`` or ``too wide``.
    """

    level: float
    settled: int
    inside: int
    share: float
    low: float
    high: float
    verdict: Calibration


@dataclass(frozen=True, kw_only=True)
class LedgerScoreRecord:
    """How well the predictions of a ledger did.

    Attributes:
        predictions: How many there are.
        open: How many have no outcome yet.
        settled: How many have one.
        inside: Outcomes inside their band.
        below: Outcomes below it.
        above: Outcomes above it.
        bands: Coverage by stated level.
        abs_ln_ratio: Median of |ln(outcome/prediction)|; null without positive ones.
        ratio: Median of outcome over prediction; null likewise.
        sharpness: Median of ln(high/low) of all bands, open ones too; null without positive ones.
        interval_score: Mean interval score of the settled bands in ln (Gneiting and Raftery 2007), the less the
            better; null likewise.
    """

    predictions: int
    open: int
    settled: int
    inside: int
    below: int
    above: int
    bands: tuple[BandScoreRecord, ...]
    abs_ln_ratio: float | None
    ratio: float | None
    sharpness: float | None
    interval_score: float | None


@dataclass(frozen=True, kw_only=True)
class PredictionLedgerRecord:
    """A ledger of predictions, and how well they did.

    Attributes:
        ledger: The file.
        entries: Every prediction, in the order in which they were added.
        score: How well they did.
        remarks: Lines that do not count, and why.
    """

    ledger: str
    entries: tuple[LedgerEntryRecord, ...]
    score: LedgerScoreRecord
    remarks: tuple[str, ...]


def ledger_score_record(path: Path, ledger: PredictionLedger, score: LedgerScore) -> PredictionLedgerRecord:
    """A ledger with its score."""
    bands = tuple(same_fields(BandScoreRecord, band) for band in score.bands)
    return PredictionLedgerRecord(
        ledger=str(path),
        entries=tuple(entry_record(entry) for entry in ledger.entries),
        score=same_fields(LedgerScoreRecord, score, bands=bands),
        remarks=ledger.remarks,
    )
