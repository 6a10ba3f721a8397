"""A printed number beside the planner's."""

from dataclasses import dataclass
from typing import Literal

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """How a printed claim stands under one law.

    Attributes:
        claim: The claim in words.
        law: Name of the law.
        published, ours: Ranges: the printed one with its rounding, and ours over budgets or neighbouring shapes.
        verdict: ``reproduced``; ``explained``: it differs, and ``reason`` says why; ``not_reproduced``.
        reason: Why it differs.
    """

    claim: str
    law: str
    published: Range
    ours: Range
    verdict: Literal["reproduced", "explained", "not_reproduced"]
    reason: str


def judged(claim: str, law: str, published: Range, ours: Range, reproduced: bool, reason: str) -> ClaimVerdict:
    """Judge a claim; one that is not reproduced is explained where there is a reason."""
    otherwise: Literal["explained", "not_reproduced"] = "explained" if reason else "not_reproduced"
    return ClaimVerdict(
        claim=claim,
        law=law,
        published=published,
        ours=ours,
        verdict="reproduced" if reproduced else otherwise,
        reason="" if reproduced else reason,
    )


def overlap(first: Range, second: Range) -> bool:
    """Whether two ranges share a number; never where an end is NaN."""
    return first[0] <= second[1] and first[1] >= second[0]
