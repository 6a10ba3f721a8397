"""Figures of texts as tables: curves side by side, or row by row."""

import math
from collections.abc import Iterable, Sequence

from optimoe.core.claims import Series, TextFigure
from optimoe.core.units import format_count

WIDEST = 116
"""Columns of a table that fits the width of a page of output; a wider one is written row by row."""
GAP = 3
LARGE = 1e4
"""From here on numbers of a figure take a prefix, such as 12.3K."""
DIGITS = 4
SPREAD = 1e3
"""Largest over smallest number of a column from where each has its own digits."""


def figure_table(figure: TextFigure) -> list[tuple[str, ...]]:
    """The numbers of a figure, heads first: series side by side where they share x and fit, else row by row."""
    table = _side_by_side(figure) if len({one.x for one in figure.series}) == 1 else []
    return table if table and _width(table) <= WIDEST else _row_by_row(figure)


def _side_by_side(figure: TextFigure) -> list[tuple[str, ...]]:
    columns = [column_cells(figure.series[0].x), *map(_with_band, figure.series)]
    heads = ("x", *(one.name for one in figure.series))
    return [heads, *zip(*columns, strict=True)]


def _row_by_row(figure: TextFigure) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("series", "x", "y")]
    for one in figure.series:
        rows += [(one.name, x, y) for x, y in zip(column_cells(one.x), _with_band(one), strict=True)]
    return rows


def _with_band(series: Series) -> list[str]:
    """Values of a series, each with the ends of its band where it has one."""
    if not series.low:
        return column_cells(series.y)
    count = len(series.y)
    cells = column_cells((*series.y, *series.low, *series.high))
    ends = zip(cells[:count], cells[count : 2 * count], cells[2 * count :], strict=True)
    return [f"{value} ({low} – {high})" for value, low, high in ends]


def column_cells(values: Sequence[float]) -> list[str]:
    """Numbers of one column, with as many decimals each; a dash where there is none."""
    known = [abs(value) for value in values if math.isfinite(value) and value != 0]
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(max(known)))) if known else 0
    if all(float(value).is_integer() for value in values if math.isfinite(value)):
        decimals = 0
    each = bool(known) and max(known) / min(known) > SPREAD

    def cell(value: float) -> str:
        if math.isnan(value):
            return "–"
        if known and max(known) >= LARGE:
            return format_count(value)
        return f"{value:.{DIGITS}g}" if each else f"{value:.{decimals}f}"

    return [cell(value) for value in values]


def _width(table: Iterable[tuple[str, ...]]) -> int:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return sum(widths) + GAP * (len(widths) - 1)
