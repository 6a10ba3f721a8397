"""Printed numbers beside ours: the rounding, causes that were run, the verdict; and figures as data."""

from optimoe.core.claims.derived import Derived, DerivedRow, derive
from optimoe.core.claims.figure import FigureMaker, Series, TextFigure
from optimoe.core.claims.printed import Range, as_printed, gap, printed_range, printed_value
from optimoe.core.claims.rows import Asked, CauseRow, CheckRow, ClaimRow, ClaimText, check_claim, run_claim
from optimoe.core.claims.verdict import (
    EXPLAINED_SHARE,
    Cause,
    Claim,
    Reproduction,
    Verdict,
    contradicts,
    judged,
    undecided,
)

__all__ = [
    "EXPLAINED_SHARE",
    "Asked",
    "Cause",
    "CauseRow",
    "CheckRow",
    "Claim",
    "ClaimRow",
    "ClaimText",
    "Derived",
    "DerivedRow",
    "FigureMaker",
    "Range",
    "Reproduction",
    "Series",
    "TextFigure",
    "Verdict",
    "as_printed",
    "check_claim",
    "contradicts",
    "derive",
    "gap",
    "judged",
    "printed_range",
    "printed_value",
    "run_claim",
    "undecided",
]
