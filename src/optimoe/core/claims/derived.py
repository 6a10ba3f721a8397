"""What a text's other numbers say of a claim: computed from them, within their own rounding."""

from dataclasses import dataclass, field
from itertools import product

from optimoe.core.claims.printed import Range, printed_range
from optimoe.core.errors import require
from optimoe.core.formulas import evaluate


@dataclass(frozen=True, kw_only=True)
class DerivedRow:
    """Other numbers that the same text prints, and the formula that gives the claim's number from them.

    Attributes:
        words: What they are, and where they stand.
        formula: Arithmetic of their symbols, with log, exp, log10 and sqrt.
        printed: Numbers by symbol, with their digits as printed.
        exact: Numbers by symbol that are not rounded, such as counts.
    """

    words: str
    formula: str
    printed: dict[str, str] = field(default_factory=dict)
    exact: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.words.strip(), "words", "given: which numbers of the text, and where they stand", "none")
        require(self.printed or self.exact, "printed", "the text's numbers by symbol, or exact", "none")


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What a text's other numbers give for a claim.

    Attributes:
        words: What they are, and where they stand.
        formula: How they give it.
        ours: Lowest and highest number that they give within their rounding.
    """

    words: str
    formula: str
    ours: Range


def derive(row: DerivedRow) -> Derived:
    """Lowest and highest of the formula at the corners of the box of what rounds to its printed numbers.

    Right where the formula is monotone in each of them over so small a box.
    """
    symbols = list(row.printed)
    ends = [printed_range(row.printed[symbol]) for symbol in symbols]
    values = [
        float(evaluate(row.formula, row.exact | dict(zip(symbols, corner, strict=True))))
        for corner in product(*ends)
    ]
    return Derived(words=row.words, formula=row.formula, ours=(min(values), max(values)))
