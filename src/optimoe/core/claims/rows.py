"""Claims and check-values as rows of a file, asked of whatever computes them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from optimoe.core.claims.derived import DerivedRow, derive
from optimoe.core.claims.printed import Range, printed_range, printed_value
from optimoe.core.claims.verdict import Claim, Reproduction, judged, undecided
from optimoe.core.errors import DataSetError, require, shown


@dataclass(frozen=True, kw_only=True)
class ClaimText:
    """A text whose printed numbers are held beside ours.

    Attributes:
        text: Its key.
        about: What is held beside ours, in one line.
        data: Measured data sets that some claims need.
        heavy: Whether its claims take more than a second or two: many fits, or many designs.
    """

    text: str
    about: str
    data: tuple[str, ...] = ()
    heavy: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is computed for a claim.

    Attributes:
        law: Name of the law or model.
        compute: What computes it: ``output`` (an output of the law), or a function of the room that asks.
        output: Symbol of the output, or a function's own word for what is wanted of it.
        inputs: Values by symbol.
    """

    law: str = ""
    compute: str = "output"
    output: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CauseRow(Asked):
    """A possible cause of a difference: what is done otherwise, in words and for the one who computes.

    What is left out (law, compute) is as in the claim. Inputs replace the claim's one by one; where the
    cause names an output of its own, they stand alone.
    """

    words: str


@dataclass(frozen=True, kw_only=True)
class ClaimRow(Asked):
    """A number that a text prints, and how it is derived here.

    Attributes:
        text: Key of the text.
        claim: The claim in words.
        printed: The number with its digits as printed, or a range such as ``0.2 to 1.5``.
        rounding: Half the width of what it stands for, where "about" allows more than the last digit.
        exact: Whether it stands for exactly itself: an identity, such as M·D/C = 1.
        where: Place in the text.
        cause: What is run where ours is another number.
        contradicts: Other numbers of the same text that give ours.
        reason: Remark, shown where ours is another number.
    """

    text: str
    claim: str
    printed: str
    rounding: float = 0.0
    exact: bool = False
    where: str = ""
    cause: tuple[CauseRow, ...] = ()
    contradicts: DerivedRow | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        printed_range(self.printed)


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One row ``[[check]]``: ``|law(inputs).output − value| ≤ tolerance_rel·|value|``.

    Attributes:
        law, output, inputs: What is evaluated.
        value, tolerance_rel: What it must give, and how nearly.
        source: ``printed`` (in the text, or an output that its authors published) or ``recomputed``.
        where: Place in the text.
        note: Remark.
        printed: The value with its digits as printed; such rows are claims of their text.
        rounded: Inputs with their digits as printed, where these decide.
    """

    law: str
    output: str
    value: float
    tolerance_rel: float
    inputs: dict[str, Any]
    source: str
    where: str = ""
    note: str = ""
    printed: str = ""
    rounded: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(math.isfinite(self.value), "value", "finite", self.value)
        require(0 <= self.tolerance_rel < math.inf, "tolerance_rel", "zero or more and finite", self.tolerance_rel)
        for name, given in self.inputs.items():
            require(
                isinstance(given, int | float | str), f"inputs: {shown(name)}", "a number or a word", repr(given)
            )
        if self.printed:
            value = printed_value(self.printed)
            require(math.isclose(value, self.value, rel_tol=1e-12), "printed", f"{self.value:g}", self.printed)


def check_claim(row: CheckRow, text: str, law: str = "", cause: tuple[CauseRow, ...] = ()) -> ClaimRow:
    """The claim that a printed check-value is.

    Args:
        row: The check-value.
        text: Key of its text.
        law: The law to ask in place of the row's own.
        cause: What is run where ours is another number.
    """
    inputs = ", ".join(f"{name} = {_short(value)}" for name, value in row.inputs.items())
    return ClaimRow(
        text=text,
        claim=f"{row.output}{f' at {inputs}' if inputs else ''} is {row.printed}",
        printed=row.printed,
        where=row.where,
        law=law or row.law,
        output=row.output,
        inputs=row.inputs,
        cause=cause,
    )


def run_claim(row: ClaimRow, ask: Callable[[Asked], Range]) -> Reproduction:
    """Compute a claim and, where ours is another number, every cause that it names.

    Args:
        row: The claim.
        ask: Computes what is asked; raises DataSetError where a data set is not at hand.
    """
    value = printed_value(row.printed)
    claim = Claim(
        text=row.text,
        claim=row.claim,
        law=row.law,
        where=row.where,
        printed=row.printed,
        value=value,
        published=(value, value) if row.exact else printed_range(row.printed, row.rounding),
        whole=math.isnan(value),  # a printed range is to hold the whole of ours
        derived=derive(row.contradicts) if row.contradicts else None,
        reason=row.reason,
    )
    try:
        return judged(claim, ask(row), [(cause.words, partial(ask, _asked(cause, row))) for cause in row.cause])
    except DataSetError as error:
        return undecided(claim, str(error))


def _asked(cause: CauseRow, row: ClaimRow) -> Asked:
    return Asked(
        law=cause.law or row.law,
        compute=cause.compute if cause.compute != "output" or cause.output else row.compute,
        output=cause.output or row.output,
        inputs=cause.inputs if cause.output else row.inputs | cause.inputs,
    )


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
