"""A prediction and its outcome in words."""

from collections.abc import Callable, Mapping

from optimoe.core.predictions import LedgerEntry, LedgerPrediction
from optimoe.core.units import format_bytes, format_count, format_seconds, format_usd
from optimoe.report.words.lines import Lines

FORMATS: Mapping[str, Callable[[float], str]] = {
    "s": format_seconds,
    "bytes": format_bytes,
    "$": format_usd,
    "tokens": lambda value: f"{format_count(value)} tokens",
}
"""Unit → how a number of it is written, where it is not the number and the unit."""


def number_words(value: float, unit: str) -> str:
    """A number with its unit, to four digits at most."""
    if unit in FORMATS and value > 0:
        return FORMATS[unit](value)
    if unit.startswith("$/"):
        return f"{format_usd(value)}{unit[1:]}"
    plain = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{plain} {unit}".strip() if abs(value) < 1e7 else f"{format_count(value)} {unit}".strip()


def band_words(said: LedgerPrediction) -> str:
    """The band with the share that it is to hold; a dash without one."""
    if said.low is None or said.high is None or said.level is None:
        return "–"
    low, high = number_words(said.low, said.unit), number_words(said.high, said.unit)
    unit = f" {said.unit}"
    if high.endswith(unit):  # where the ends have different prefixes, ms and s, each keeps its own
        low = low.removesuffix(unit)
    return f"{low} – {high} ({said.level:.4g})"


def entry_lines(entry: LedgerEntry) -> Lines:
    """One prediction, as it stands in the ledger."""
    said, came = entry.prediction, entry.outcome
    band = f", band {band_words(said)}" if said.low is not None else ", without a band"
    made = f"optimoe {said.version}, {said.made_utc}" if said.version else said.made_utc
    lines = [("Predicted", f"{said.name}: {number_words(said.value, said.unit)}{band}")]
    lines += [("Made by", f"{said.command} → {said.what}" if said.what else said.command or "typed"), ("", made)]
    lines += [("Settled by", said.settled_by)] if said.settled_by else []
    if came:
        ratio = f", {entry.ratio:.3g} of what was predicted" if entry.ratio == entry.ratio else ""
        place = f", {entry.place} {'its band' if entry.place == 'inside' else 'the band'}" if entry.place else ""
        lines.append(("Outcome", f"{number_words(came.value, said.unit)}{place}{ratio}"))
        lines.append(("", f"{came.source}, {came.measured_utc}"))
    return lines
