"""One output of a law in words, at one place or along a variable: value, band, where it lies, the law."""

import math

from optimoe.laws.domain.reach import symbol_words
from optimoe.laws.law import LawRow
from optimoe.laws.prediction import LawPrediction
from optimoe.laws.prediction.along import LawLine
from optimoe.report.records.laws.line import LawLineRecord, LawPointRecord
from optimoe.report.words.lines import Lines, Table, labelled


def prediction_lines(row: LawRow, found: LawPrediction) -> Lines:
    """An output of a law with its unit, band, range and domain, and the verdict where a fit left one.

    Args:
        row: The law.
        found: The output.
    """
    unit = f" ({found.unit})" if found.unit[:1].isdigit() else f" {found.unit}".rstrip()
    text = f"{found.bound} {found.value:.7g}{unit}, where the search ends" if found.bound else ""
    lines = [(found.output, text or f"{found.value:.7g}{unit}")]
    if not math.isnan(found.low):
        lines[0] = (found.output, f"{lines[0][1]}  ({found.low:.5g} – {found.high:.5g}, {found.band})")
    lines += labelled("Is", [found.meaning] if found.meaning and found.output != "L" else [])
    lines += labelled("Band", [found.band] if math.isnan(found.low) else [])
    lines += [("Range", found.reach.words), ("Ranks", row.domain.words)]
    lines.append(("Law", f"{row.name}, {row.status}: {row.source}"))
    return lines + ([("Fit", row.evidence.words)] if row.evidence.verdict else [])


def law_line_sentence(record: LawLineRecord) -> str:
    """Where a line begins and ends, and how far the variable went in the fit."""
    variable, output = record.variable, record.output

    def at(point: LawPointRecord) -> str:
        value = "unknown" if point.value is None else f"{point.value:.4g}"
        return f"{value} at {variable} = {symbol_words(variable, point.at)}"

    fitted = " to ".join(symbol_words(variable, end) for end in record.fitted)
    known = f"it was fitted from {fitted}" if fitted else f"how far {variable} went in its fit is not stated"
    return f"{output} of {record.law} goes from {at(record.points[0])} to {at(record.points[-1])}; {known}."


def law_line_blocks(row: LawRow, found: LawLine) -> tuple[Table, Lines]:
    """An output of a law along a variable: a row a value, and the law.

    Args:
        row: The law.
        found: The output at each value.
    """
    first, variable = found.points[0], found.along.variable
    head = f"{first.output} {first.unit}".strip()
    rows = [(variable, head, "90 %", "beyond what was fitted")]
    rows += [
        (
            symbol_words(variable, at),
            f"{point.value:.5g}",
            "" if math.isnan(point.low) else f"{point.low:.4g} – {point.high:.4g}",
            "; ".join(one.words for one in point.reach.beyond),
        )
        for at, point in zip(found.along.values, found.points, strict=True)
    ]
    lines = [("Band", first.band), ("Ranks", row.domain.words), ("Law", f"{row.name}, {row.status}: {row.source}")]
    return Table(rows=rows, words=("beyond what was fitted",)), lines
