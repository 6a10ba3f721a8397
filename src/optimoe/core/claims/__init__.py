"""Printed numbers beside ours: how a number was rounded, what was run to explain a difference, and the verdict."""

from optimoe.core.claims.printed import Range, gap, printed_range, printed_value
from optimoe.core.claims.rows import (
    Asked,
    CauseRow,
    CheckRow,
    ClaimRow,
    check_claim,
    run_claim,
    sorted_causes,
)
from optimoe.core.claims.verdict import EXPLAINED_SHARE, Cause, Reproduction, Verdict, closed_share, judge

__all__ = [
    "EXPLAINED_SHARE",
    "Asked",
    "Cause",
    "CauseRow",
    "CheckRow",
    "ClaimRow",
    "Range",
    "Reproduction",
    "Verdict",
    "check_claim",
    "closed_share",
    "gap",
    "judge",
    "printed_range",
    "printed_value",
    "run_claim",
    "sorted_causes",
]
