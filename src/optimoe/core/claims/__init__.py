"""Printed numbers beside ours: the rounding, causes that were run, the verdict; and figures as data."""

from optimoe.core.claims.figure import FigureMaker, Series, TextFigure
from optimoe.core.claims.printed import Range, as_printed, gap, printed_range, printed_value
from optimoe.core.claims.rows import Asked, CauseRow, CheckRow, ClaimRow, ClaimText, check_claim, run_claim
from optimoe.core.claims.verdict import EXPLAINED_SHARE, Cause, Claim, Reproduction, Verdict, judged, undecided

__all__ = [
    "EXPLAINED_SHARE",
    "Asked",
    "Cause",
    "CauseRow",
    "CheckRow",
    "Claim",
    "ClaimRow",
    "ClaimText",
    "FigureMaker",
    "Range",
    "Reproduction",
    "Series",
    "TextFigure",
    "Verdict",
    "as_printed",
    "check_claim",
    "gap",
    "judged",
    "printed_range",
    "printed_value",
    "run_claim",
    "undecided",
]
