"""What a printed number stands for: the range of numbers that round to it."""

import math
import re

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity

Range = tuple[float, float]
"""Lowest and highest value; equal where it is one number."""

PERCENT = 0.01
TO = " to "
_PRINTED = re.compile(
    r"(?P<bound>[<>≤≥]?)\s*(?P<number>[+-]?\d+(?:\.(?P<decimals>\d+))?)(?P<power>[eE][+-]?\d+)?\s*(?P<unit>[A-Z%]?)"
)


def printed_value(printed: str) -> float:
    """The number that is printed: 2.85e9 for ``2.85B``, 0.36 for ``36%``, 7 for ``>7``; NaN for a range.

    Raises:
        InputError: It is no number.
    """
    if TO in printed:
        return math.nan
    match = _matched(printed)
    return float(match["number"] + (match["power"] or "")) * _scale(match["unit"])


def printed_range(printed: str, rounding: float = 0.0) -> Range:
    """The numbers that a printed one stands for: half a unit of its last digit on both sides.

    ``2.85B`` is 2.845e9 to 2.855e9, ``1.10`` is 1.095 to 1.105, ``>7`` everything above 7, ``≥32`` everything
    that rounds to 32 or is above, ``0.2 to 1.5`` from 0.15 to 1.55.

    Args:
        printed: The number with its digits as printed; a letter K, M, B, T or P, or %, scales it.
        rounding: Half the width of the range, where the text's "about" allows more than the last digit.

    Raises:
        InputError: It is no number.
    """
    if TO in printed:
        low, high = (printed_range(end, rounding) for end in printed.split(TO))
        return low[0], high[1]
    match, value = _matched(printed), printed_value(printed)
    unit = float("1" + (match["power"] or "")) * _scale(match["unit"])
    half = rounding or 0.5 * 10.0 ** -len(match["decimals"] or "") * unit
    return {
        "": (value - half, value + half),
        ">": (value, math.inf),
        "<": (-math.inf, value),
        "≥": (value - half, math.inf),
        "≤": (-math.inf, value + half),
    }[match["bound"]]


def as_printed(value: float, printed: str) -> str:
    """A number of ours in the unit of a printed one, with two digits more than it has (five to eight in all).

    Args:
        value: Our number.
        printed: What it is held against; empty: no unit.
    """
    first = printed.split(TO)[0]
    match = _PRINTED.fullmatch(first.strip())
    unit = match["unit"] if match else ""
    digits = len((match["number"] if match else "").lstrip("+-0.").replace(".", "")) + 2
    return f"{value / _scale(unit):.{min(max(digits, 5), 8)}g}{unit}"


def gap(published: Range, ours: Range, *, whole: bool = False) -> float:
    """How far our range lies from the printed one; zero where they share a number.

    Args:
        published: Lowest and highest of what is printed.
        ours: Lowest and highest of ours; NaN where there is none, and the gap is then infinite.
        whole: Whether the whole of ours is to lie inside, and not only a part.
    """
    if any(map(math.isnan, ours)):
        return math.inf
    below, above = (ours[0], ours[1]) if whole else (ours[1], ours[0])
    return max(published[0] - below, above - published[1], 0.0)


def _matched(printed: str) -> re.Match[str]:
    match = _PRINTED.fullmatch(printed.strip())
    if match is None:
        raise InputError(f"{printed!r} is not a printed number such as 2.85B, 1.10, 36% or >7")
    return match


def _scale(unit: str) -> float:
    return PERCENT if unit == "%" else parse_quantity("1" + unit)
