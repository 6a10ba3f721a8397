"""How a printed claim stands: a verdict, with the causes that were run where ours is another number."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from optimoe.core.claims.derived import Derived
from optimoe.core.claims.printed import Range, gap

Verdict = Literal["reproduced", "explained", "not_reproduced", "contradicts_itself"]

EXPLAINED_SHARE = 0.5
"""A difference is explained where one cause closes at least half of it. Assumed: with less than half, most of it
has no cause."""

SAME = 1e-9
"""Share by which two computations of one number may differ: rounding of double precision over a few operations."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A possible cause of a difference, which was run.

    Attributes:
        words: What was done otherwise.
        ours: Our number then, lowest and highest.
        closes: Share of the gap to the printed number that it closes: 1 all of it, 0 none, negative where the
            gap grows; NaN where there is no number.
        ruled_out: Whether the text says that it did otherwise: then it shows what the number hangs on, and
            explains nothing.
    """

    words: str
    ours: Range
    closes: float
    ruled_out: bool = False


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
        whole: Whether the whole of ours is to lie inside what is printed, and not only a part.
        ours: Lowest and highest of ours; NaN where there is none.
        verdict: ``reproduced``: within the printed rounding; ``explained``: another number, and a cause that was
            run, and which the text does not rule out, closes at least half of the gap; ``contradicts_itself``:
            other numbers of the same text give ours and not what is printed, whatever rounds to them;
            ``not_reproduced``: no known cause; none where a data set is not at hand.
        causes: What was run to explain a difference, the one that closes most first.
        turned_by: Single changes that take the verdict ``reproduced`` away, of those that were run; each with our
            number then.
        derived: What other numbers of the same text give; none where none are known, or ours is what is printed.
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
    whole: bool = False
    ours: Range
    verdict: Verdict | None
    causes: tuple[Cause, ...] = ()
    turned_by: tuple[Cause, ...] = ()
    derived: Derived | None = None
    reason: str = ""
    pending: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A printed claim, without ours.

    Attributes:
        text, claim, law, where, printed, value, published, whole: As in :class:`Reproduction`.
        derived: What other numbers of the same text give, where some are known.
        reason: Remark, kept where ours is another number.
        assumes: Remark on what ours assumes, kept with every verdict.
        stressed: Whether the causes are run for a number that is reproduced too, to see what takes that away.
        ruled_out: Words of causes of which the text says that it did otherwise.
    """

    text: str
    claim: str
    law: str
    published: Range
    where: str = ""
    printed: str = ""
    value: float = math.nan
    whole: bool = False
    derived: Derived | None = None
    reason: str = ""
    assumes: str = ""
    stressed: bool = False
    ruled_out: tuple[str, ...] = ()

    def gap(self, ours: Range) -> float:
        """How far a number of ours lies from what is printed."""
        return gap(self.published, ours, whole=self.whole)


def judged(claim: Claim, ours: Range, causes: Iterable[tuple[str, Callable[[], Range]]] = ()) -> Reproduction:
    """The verdict on a claim; where ours is another number, its possible causes are run first.

    A cause that does not touch the number, such as rounded coefficients that an output does not use, is left out.

    Args:
        claim: The printed claim.
        ours: Our number.
        causes: What might explain a difference, or take a stressed claim's verdict away, in words, and what
            computes our number then.
    """
    ran: list[Cause] = []
    apart = claim.gap(ours)
    for words, compute in causes if apart > 0 or claim.stressed else ():
        changed = compute()
        share = _closed_share(apart, claim.gap(changed)) if apart > 0 else math.nan
        cause = Cause(words=words, ours=changed, closes=share, ruled_out=words in claim.ruled_out)
        ran += [cause] if changed != ours else []
    verdict = _verdict(claim, ours, ran)
    remarks = [claim.assumes, "" if verdict == "reproduced" else claim.reason]
    return _reproduction(
        claim,
        ours=ours,
        verdict=verdict,
        causes=tuple(sorted(ran, key=_least_closed)) if apart > 0 else (),
        turned_by=() if apart > 0 else tuple(cause for cause in ran if claim.gap(cause.ours) > 0),
        derived=claim.derived if apart > 0 else None,
        reason="; ".join(filter(None, remarks)),
    )


def _least_closed(cause: Cause) -> float:
    return math.inf if math.isnan(cause.closes) else -cause.closes


def undecided(claim: Claim, pending: str) -> Reproduction:
    """A claim that could not be computed, and why."""
    return _reproduction(claim, ours=(math.nan, math.nan), verdict=None, pending=pending)


def _verdict(claim: Claim, ours: Range, causes: Sequence[Cause]) -> Verdict:
    if claim.gap(ours) == 0:
        return "reproduced"
    if claim.derived and contradicts(claim.published, ours, claim.derived):
        return "contradicts_itself"
    explained = any(cause.closes >= EXPLAINED_SHARE for cause in causes if not cause.ruled_out)
    return "explained" if explained else "not_reproduced"


def contradicts(published: Range, ours: Range, derived: Derived) -> bool:
    """Whether a text's other numbers give ours, and none of what they round to gives what is printed."""
    same = gap(derived.ours, ours) <= SAME * max(map(abs, derived.ours))
    return same and gap(published, derived.ours) > 0


def _reproduction(claim: Claim, **others: Any) -> Reproduction:
    names = ("text", "claim", "law", "where", "printed", "value", "published", "whole")
    return Reproduction(**{name: getattr(claim, name) for name in names} | others)


def _closed_share(before: float, after: float) -> float:
    """Share of a gap that is closed, 1 − after/before; NaN without a number on both sides."""
    return math.nan if math.isinf(before) or math.isinf(after) else 1 - after / before
