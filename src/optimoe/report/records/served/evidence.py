"""JSON of what stands behind an answer: sides that were measured, those that were not, the nearest that was."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence
from optimoe.cost.serving.accuracy.sides import KINDS, Side


@dataclass(frozen=True, kw_only=True)
class SideRecord:
    """One side of an answer.

    Attributes:
        name: accelerator, precision, engine, requests, context, layout, nodes, model, …
        value: What the answer has.
        standing: end_to_end, operators, architecture or never: the nearest that was measured of it.
        words: What was measured, or why the band is wider.
        widens: What it adds to the band by kind of time, as logarithms in quadrature: the larger of both ends.
        basis: How that width was obtained.
    """

    name: str
    value: str
    standing: str
    words: str
    widens: dict[str, float]
    basis: str


@dataclass(frozen=True, kw_only=True)
class NearestRecord:
    """The measured deployments that are nearest to the answer.

    Attributes:
        gpu: Accelerator.
        precision: Precision of the weights.
        engine: The serving engine.
        rows: How many deployments and loads.
        versions: Versions of the engine that are recorded.
        first: Month of the first measurement with a date.
        last: Month of the last one.
    """

    gpu: str
    precision: str
    engine: str
    rows: int
    versions: tuple[str, ...]
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class AnswerEvidenceRecord:
    """What stands behind an answer and its bands.

    Attributes:
        asked: GPU, precision and engine of the answer.
        calibration: Name of the calibration whose factors serve; empty where the shipped ones do.
        measured: Whether each of its sides was measured end to end.
        nearest: The nearest that was measured.
        sides: GPU, precision, engine, load, layout and model: how each stands.
    """

    asked: str
    calibration: str
    measured: bool
    nearest: NearestRecord
    sides: tuple[SideRecord, ...]


def evidence_record(evidence: AnswerEvidence) -> AnswerEvidenceRecord:
    """The evidence of an answer as a record."""
    return AnswerEvidenceRecord(
        asked=evidence.asked,
        calibration=evidence.calibration,
        measured=not evidence.unmeasured,
        nearest=same_fields(NearestRecord, evidence.nearest),
        sides=tuple(_side(side) for side in evidence.sides),
    )


def _side(side: Side) -> SideRecord:
    widens: dict[str, float] = {kind: max(side.width(kind).down, side.width(kind).up) for kind in KINDS}
    return SideRecord(
        name=side.name,
        value=side.value,
        standing=side.standing.name.lower(),
        words=side.words,
        widens=widens,
        basis=side.basis,
    )
