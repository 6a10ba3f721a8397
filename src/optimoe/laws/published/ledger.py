"""The claims of papers on laws, by text: rows of files, and the printed check-values of the laws themselves."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from optimoe.core.claims import CauseRow, CheckRow, ClaimRow, ClaimText, Reproduction, check_claim, run_claim
from optimoe.core.config import build
from optimoe.core.errors import UnknownNameError
from optimoe.laws.catalog import find_published_law, law_names, published_checks
from optimoe.laws.published.computed import computed
from optimoe.laws.published.rounding import Digits

CHECKS_ONLY = "printed outputs of its laws"
NOTHING = "no printed number that follows from its law is known here; nothing to hold"
NOT_LAWS = "serving-cost"
"""Family of coefficient sets whose outputs are those of the cost model: their claims are not held here."""


@dataclass(frozen=True, kw_only=True)
class ExtraCauses:
    """More causes for the claim that a printed check-value is, which is found by its law, output and number."""

    law: str
    output: str
    printed: str
    cause: tuple[CauseRow, ...]


@dataclass(frozen=True, kw_only=True)
class LawText(ClaimText):
    """The claims of one text on laws, as a file holds them; its laws are called as the text, or begin so.

    Attributes:
        digits: Coefficients of its laws with their digits as printed, by law.
        claim: Its claims beside those that its laws' check-values are.
        extra: Causes for some of the latter.
    """

    digits: dict[str, dict[str, str]] = field(default_factory=dict)
    claim: tuple[ClaimRow, ...] = ()
    extra: tuple[ExtraCauses, ...] = ()


@cache
def law_texts() -> dict[str, LawText]:
    """Every text on laws by key; one without a file prints no output to hold."""
    folder = files("optimoe.laws").joinpath("data", "claims")
    texts: dict[str, LawText] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        rows = [{"text": table.get("text", "")} | row for row in table.get("claim", [])]
        stated = build(LawText, table | {"claim": rows}, where=file.name)
        texts[stated.text] = stated
    printed = {row["law"] for row in published_checks() if row.get("printed")}
    for name in law_names():
        row, text = find_published_law(name).row, name.split("-")[0]
        if row.status != "fitted" and row.family != NOT_LAWS and text not in texts:
            known = any(law.split("-")[0] == text for law in printed)
            texts[text] = LawText(text=text, about=CHECKS_ONLY if known else NOTHING)
    return texts


def law_claims(text: str) -> tuple[ClaimRow, ...]:
    """The claims of a text: those of its file, then the printed check-values of its laws.

    A check-value of a row with restored digits is a claim about the row as printed; the digits are a cause.

    Raises:
        UnknownNameError: A text without claims on laws.
    """
    if text not in law_texts():
        raise UnknownNameError("text", text, law_texts())
    stated = law_texts()[text]
    checks = [build(CheckRow, row, where="published checks") for row in published_checks()]
    own = [row for row in checks if row.printed and (row.law == text or row.law.startswith(f"{text}-"))]
    return stated.claim + tuple(_claim_of(row, stated) for row in own)


def reproduce_laws(text: str) -> list[Reproduction]:
    """Every claim of a text on laws beside our own number.

    Raises:
        UnknownNameError: A text without claims on laws.
    """
    digits = Digits({law: own for stated in law_texts().values() for law, own in stated.digits.items()})
    return [run_claim(row, lambda asked: computed(asked, digits)) for row in law_claims(text)]


def _claim_of(row: CheckRow, stated: LawText) -> ClaimRow:
    law, causes = _as_printed(row.law), []
    if row.rounded:
        inputs = ", ".join(f"{name} = {printed}" for name, printed in row.rounded.items())
        causes.append(
            CauseRow(
                words=f"rounding of {inputs}",
                compute="rounding",
                inputs={"rounded": row.rounded, "coefficients": False},
            )
        )
    if law in stated.digits:
        causes.append(CauseRow(words="rounding of the printed coefficients", compute="rounding"))
    if law != row.law:
        causes.append(CauseRow(words=f"digits restored inside that rounding ({row.law})", law=row.law))
    mine = (row.law, row.output, row.printed)
    causes += [
        cause
        for extra in stated.extra
        if (extra.law, extra.output, extra.printed) == mine
        for cause in extra.cause
    ]
    return check_claim(row, stated.text, law, tuple(causes))


@cache
def _as_printed(law: str) -> str:
    """The law as its paper prints it, for a row with restored digits; itself for any other."""
    return next((name for name in law_names() if find_published_law(name).row.better_digits == law), law)
