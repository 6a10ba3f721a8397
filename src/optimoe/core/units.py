"""Units at the edge: what people type and read. Inside, everything is FLOP, byte, second, token, dollar.

Decimal prefixes are powers of 1000 (``70B`` = 7e10, ``80GB`` = 8e10 bytes); binary ones end in ``iB``
(``80GiB`` = 80·2^30 bytes).
"""

import math
import re

from optimoe.core.errors import InputError, shown

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86400.0
TOKENS_PER_MTOK = 1e6

_COUNT = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12, "P": 1e15}
_BYTES = {
    **{prefix + "B": 1000.0**power for power, prefix in enumerate(["", "K", "M", "G", "T"])},
    **{prefix + "IB": 1024.0**power for power, prefix in enumerate(["", "K", "M", "G", "T"]) if prefix},
    "": 1.0,
}
# the sign µ has the capital letter Mu (U+039C)
_SECONDS = {"": 1.0, "NS": 1e-9, "US": 1e-6, "\u039cS": 1e-6, "MS": 1e-3, "S": 1.0, "MIN": 60.0}
_SECONDS |= {"H": SECONDS_PER_HOUR, "D": SECONDS_PER_DAY}
_SCALES = {
    "count": (_COUNT, "70B, 15T or 1e22"),
    "bytes": (_BYTES, "80GB, 24GiB or 8e10"),
    "seconds": (_SECONDS, "50ms, 2s or 0.05"),
}
_NUMBER = re.compile(
    r"\$?([+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Zµμ]*)", re.ASCII
)
"""A number, with commas between thousands or not, and a unit; dollars have their sign before them."""


def parse_quantity(text: str, kind: str = "count") -> float:
    """Read a number with a unit, in every form in which one is printed.

    Args:
        text: What the user typed, such as ``"70B"``, ``"80GB"`` or ``"50ms"``.
        kind: ``"count"`` (parameters, tokens, FLOPs), ``"bytes"`` or ``"seconds"``.

    Returns:
        The value in the base unit.

    Raises:
        InputError: The text is no such quantity.
    """
    scales, examples = _SCALES[kind]
    match = _NUMBER.fullmatch(text.strip())
    scale = scales.get(match[2].upper()) if match else None
    if match is None or scale is None or ("$" in text and kind != "count"):
        raise InputError(f"{shown(repr(text))} is not a quantity in {kind} (examples: {examples})")
    value = float(match[1].replace(",", "")) * scale
    if not math.isfinite(value):
        raise InputError(f"{shown(repr(text))} is too large for a quantity in {kind}")
    return value


def format_count(value: float, digits: int = 3) -> str:
    """A count with a prefix, to ``digits`` significant digits: 46.7B, 5T, 321M."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1e16:
        return f"{value:.{digits - 1}e}".replace("e+", "e")
    for scale, prefix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= scale * (1 - 0.5 * 10**-digits):
            return f"{_significant(value / scale, digits)}{prefix}"
    return _significant(value, digits)


def format_plain(value: float) -> str:
    """A number as a person would type it: whole numbers up to a million with commas, 1e22, 0.05, 3.35e12."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e7:
        return f"{int(value):,}"
    return f"{value:.4g}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-")


def format_bytes(value: float) -> str:
    """Bytes with a decimal prefix: 131 KB, 93.4 GB."""
    if not math.isfinite(value):
        return "–"
    for scale, prefix in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if abs(value) >= scale:
            return f"{_significant(value / scale, 3)} {prefix}"
    return f"{_significant(value, 3)} B"


def format_seconds(value: float) -> str:
    """A duration: 94.7 ns, 12.4 ms, 1.20 s, 29.0 min, 3.50 h, 3.50 d; minutes from ten on, hours from two."""
    if not math.isfinite(value):
        return "–"
    for least, scale, unit in (
        (SECONDS_PER_DAY, SECONDS_PER_DAY, "d"),
        (7200.0, 3600.0, "h"),
        (600.0, 60.0, "min"),
    ):
        if value >= least:
            return f"{_significant(value / scale, 3)} {unit}"
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if value >= scale:
            return f"{_significant(value / scale, 3)} {unit}"
    return f"{value:.3g} s"


def format_usd(value: float) -> str:
    """Dollars: $0.43, $12.30, $136,000, $1.24M, $30.8B."""
    if not math.isfinite(value):
        return "–"
    if value >= 1e9:
        return f"${_significant(value / 1e9, 3)}B"
    if value >= 1e6:
        return f"${_significant(value / 1e6, 3)}M"
    return f"${value:,.0f}" if value >= 1000 else f"${value:.2f}" if value >= 0.1 else f"${value:.3g}"


LARGE_CHANGE = 10
"""From here on a factor reads better than a percentage."""


def format_change(new: float, old: float) -> str:
    """A relative change: +38 %, 12× from tenfold on, a dash where there is nothing to compare with (0)."""
    if not old or not math.isfinite(new / old):
        return "–"
    return f"{new / old:,.0f}×" if new / old >= LARGE_CHANGE else f"{new / old - 1:+.0%}"


def format_factor(value: float) -> str:
    """How many times as much: ``3.8×``, with a digit more where it is hardly more than one: ``1.02×``."""
    return f"{value:.2f}×" if value < 1.1 else f"{value:.1f}×"


def _significant(value: float, digits: int) -> str:
    """The value to so many significant digits, without an exponent."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:.{decimals}f}"
