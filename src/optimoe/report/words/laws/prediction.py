"""One output of a law in labelled lines: value, band, where it lies, the law and the verdict of its fit."""

import math

from optimoe.laws.law import LawRow
from optimoe.laws.prediction import LawPrediction
from optimoe.report.words.lines import Lines, labelled


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
