"""The variables of a law as one meets them: what each counts, how far the fit went, and where a figure begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from types import MappingProxyType

from optimoe.core.outputs import Evaluable
from optimoe.laws.law import LawRow

BESIDE = 10.0
"""A figure shows this many times more than the fit covered, to each side …"""
AROUND = 100.0
""" … and where nobody stated the fit's range, this many times more than its usual value."""
SHARES = (0.01, 0.99)
"""Ends of a figure over a share."""

USUAL: Mapping[str, float] = MappingProxyType(
    {
        "N": 1e9, "N1": 1e9, "N0": 1e9, "N_act": 1e9, "N_a": 1e9, "N_act_nonembedding": 1e9, "N_total": 1e10,
        "D": 1e11, "D1": 1e11, "D2": 1e11, "D_inf": 1e12, "C": 1e21, "F": 1e21, "C_pfdays": 10.0,
        "d_model": 2048.0, "batch_tokens": 1e6, "E": 8.0, "G": 4.0, "S": 0.9, "S1": 0.9, "S2": 0.5, "A": 0.1,
        "r": 1.0, "R": 1.0, "L": 2.5,
    }
)  # fmt: skip
"""Values at which a variable stands where nobody stated the range of its fit, by symbol: assumed, in the order of
size of today's runs."""


@dataclass(frozen=True, kw_only=True)
class LawVariable:
    """One variable of a law.

    Attributes:
        unit: What it counts, in the law's words; empty where it does not say.
        fitted: Ends of its range in the fit; empty where nobody stated it.
        usual: A value to begin with: the middle of that range by ratio to two digits, its upper end where it
            begins at 0, or an order of size (assumed); NaN where nothing is known.
        span: Ends of a figure over it: its range and a decade to each side; empty where nothing is known.
    """

    unit: str
    fitted: tuple[float, ...]
    usual: float
    span: tuple[float, ...]


def law_variables(row: LawRow, law: Evaluable) -> dict[str, LawVariable]:
    """Every variable of a law or a published cost model that one of its outputs takes, by symbol.

    Args:
        row: Units and ranges.
        law: Its outputs.
    """
    symbols = dict.fromkeys(symbol for needed in law.outputs.values() for symbol in needed)
    return {symbol: _variable(symbol, row, law.domain.get(symbol, "positive")) for symbol in symbols}


def _variable(symbol: str, row: LawRow, kind: str) -> LawVariable:
    fitted = row.range.get(symbol, ())
    usual = USUAL.get(symbol, float("nan"))
    span: tuple[float, ...]
    if fitted:
        low, high = fitted
        usual = sqrt(low * high) if low > 0 else high
        usual = float(f"{usual:.0f}" if kind == "count" else f"{usual:.2g}")
    if kind == "share":
        usual, span = (usual if 0 < usual < 1 else 0.5), SHARES
    elif fitted:
        span = ((low if low > 0 else high / AROUND) / BESIDE, high * BESIDE)
    else:
        span = (usual / AROUND, usual * AROUND) if usual == usual else ()
    if kind == "count" and span:
        span = (max(span[0], 1.0), span[1])
    return LawVariable(
        unit=row.units.get(symbol, row.units.get(symbol.partition("_")[0], "")),
        fitted=fitted,
        usual=usual,
        span=span if all(map(isfinite, span)) else fitted,
    )
