"""What stands behind an answer, in one line."""

from optimoe.cost.engines.measured import Measured
from optimoe.cost.serving.accuracy.amounts import Width
from optimoe.cost.serving.accuracy.coverage import years
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence
from optimoe.report.words.lines import Lines


def basis_lines(evidence: AnswerEvidence) -> Lines:
    """The line that says what was measured of the answer's kind, and why its band is as wide as it is."""
    return [("Basis", basis_words(evidence))]


def basis_words(evidence: AnswerEvidence) -> str:
    """One line: measured as it stands, or what never was, the nearest that was, and how far the band widens."""
    new = evidence.unmeasured
    by = f"calibration {evidence.calibration}, " if evidence.calibration else ""
    if not new:
        low, high = evidence.nearest.requests
        return f"measured: {by}{nearest_words(evidence.nearest)}, {low:,.0f}–{high:,.0f} requests a rank"
    why = "; ".join(side.words for side in new)
    return (
        f"{by}{evidence.asked}: {why}; nearest {nearest_words(evidence.nearest)}; TPOT {_ratios(evidence.tpot)} "
        f"of the estimate, {_ratios(evidence.measured)} where all was measured"
    )


def nearest_words(row: Measured) -> str:
    """Measured deployments by GPU, precision, engine and years."""
    when = years((row,))
    named = " ".join(filter(None, (row.gpu, row.precision, row.engine)))
    return f"{named}{' of ' + when if when else ''} ({row.rows:,} deployments)"


def _ratios(width: Width) -> str:
    low, high = width.around(1.0)
    return f"{low:.2f}–{high:.2f}"
