"""How a printed claim stands: a verdict, with the causes that were run where ours is another number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optimoe.core.claims.printed import Range, gap

Verdict = Literal["reproduced", "explained", "not_reproduced", "contradicts_itself"]

EXPLAINED_SHARE = 0.5
"""A difference is explained where one cause closes at least half of it. Assumed: with less than half, most of it
has no cause."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A possible cause of a difference, which was run.

    Attributes:
        words: What was done otherwise.
        ours: Our number then, lowest and highest.
        closes: Share of the gap to the printed number that it closes: 1 all of it, 0 none, negative where the
            gap grows; NaN where there is no number.
    """

    words: str
    ours: Range
    closes: float


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A printed claim beside our own number.

    Attributes:
        text: Key of the text.
        claim: The claim in words.
        law: The law or model that our number comes from.
        where: Place in the text.
        printed: The number as printed; empty where the claim is a range or a number in words.
        value: The printed number; NaN where the claim is a range.
        published: Lowest and highest number that the printed one stands for.
        ours: Lowest and highest of ours; NaN where there is none.
        verdict: ``reproduced``: within the printed rounding; ``explained``: another number, and a cause that was
            run closes at least half of the gap; ``contradicts_itself``: other numbers of the same text give ours;
            ``not_reproduced``: no known cause; none where a data set is not at hand.
        causes: What was run to explain a difference, the one that closes most first.
        reason: Remark on it.
        pending: Why there is no verdict; empty where there is one.
    """

    text: str
    claim: str
    law: str
    where: str = ""
    printed: str = ""
    value: float = math.nan
    published: Range
    ours: Range
    verdict: Verdict | None
    causes: tuple[Cause, ...] = ()
    reason: str = ""
    pending: str = ""


def judge(published: Range, ours: Range, causes: Sequence[Cause], *, contradicts: bool, whole: bool) -> Verdict:
    """The verdict on a claim.

    Args:
        published: What the printed number stands for.
        ours: Our number.
        causes: What was run where it differs.
        contradicts: Whether ours follows from other numbers that the same text prints.
        whole: Whether the whole of ours is to lie inside what is printed.
    """
    if gap(published, ours, whole=whole) == 0:
        return "reproduced"
    if contradicts:
        return "contradicts_itself"
    return "explained" if any(cause.closes >= EXPLAINED_SHARE for cause in causes) else "not_reproduced"


def closed_share(published: Range, ours: Range, changed: Range, *, whole: bool = False) -> float:
    """Share of the gap that a change closes, 1 − gap(changed)/gap(ours); NaN without a number on both sides."""
    before, after = gap(published, ours, whole=whole), gap(published, changed, whole=whole)
    return math.nan if math.isinf(before) or math.isinf(after) or before == 0 else 1 - after / before
