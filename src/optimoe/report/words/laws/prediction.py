"""One output of a law in labelled lines: the value, its band, the law and the verdict of its fit."""

import math
from typing import Any

from optimoe.laws.law import LawRow
from optimoe.report.words.lines import Lines


def prediction_lines(row: LawRow, output: str, value: Any, band: tuple[Any, Any] | None) -> Lines:
    """An output of a law; a loss with its band of 90 %, and the verdict where a fit left one.

    Args:
        row: The law.
        output: Symbol of the output.
        value: What it is.
        band: Low and high ends; NaN when neither scatter nor draws are known.
    """
    text = f"{value:.7g}"
    if band is not None and not math.isnan(band[0]):
        text += f"  ({band[0]:.5g} – {band[1]:.5g}, 90 %)"
    lines = [(output, text), ("Law", f"{row.name}, {row.status}: {row.source}")]
    return lines + ([("Fit", row.evidence.words)] if row.evidence.verdict else [])
