"""The numbers of a figure as a table, for those who want to read or copy them."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from optimoe.report.tables.text_figures import column_cells
from optimoe.report.words.lines import Rows

MOST_POINTS = 400
"""Points of a figure that a table is made of: a longer one is no longer read, and pages have limits."""

UNNAMED = ("value", "place")
"""Heads of columns whose axis has no title: of the value, and of where it stands."""


def figure_numbers(figure: go.Figure) -> Rows:
    """The points of a figure, heads first: series side by side where they share their places, else row by row.

    What only guides the eye, such as a line through points that are drawn apart, is left out. No rows of a figure
    that states that it has none, or that has more points than are read.
    """
    stated = (figure.layout.meta or {}).get("numbers")
    if stated is not None:
        return tuple(map(tuple, stated))
    shown = [trace for trace in figure.data if trace.hoverinfo != "skip" and trace.x is not None and len(trace.x)]
    if not shown or sum(len(trace.x) for trace in shown) > MOST_POINTS:
        return ()
    lying = all(trace.type == "bar" and trace.orientation == "h" for trace in shown)
    ends = ("y", "x") if lying else ("x", "y")
    place, value = (_title(figure, axis) for axis in ends)
    columns = [tuple(list(getattr(trace, end)) for end in ends) for trace in shown]
    if all(places == columns[0][0] for places, _ in columns):
        heads = (place or UNNAMED[1], *(_named(figure, trace, ends[1]) or value or UNNAMED[0] for trace in shown))
        cells = [_cells(columns[0][0]), *(_cells(values) for _, values in columns)]
        return [heads, *zip(*cells, strict=True)]
    rows: list[tuple[str, ...]] = [("series", place or UNNAMED[1], value or UNNAMED[0])]
    for trace, (places, values) in zip(shown, columns, strict=True):
        rows += [(trace.name or "", *pair) for pair in zip(_cells(places), _cells(values), strict=True)]
    return rows


def _named(figure: go.Figure, trace: Any, end: str) -> str:
    """The head of a series beside others: its name, and its axis where the figure has two."""
    return trace.name or _title(figure, (getattr(trace, f"{end}axis") or end))


def _title(figure: go.Figure, axis: str) -> str:
    return figure.layout[f"{axis[0]}axis{axis[1:]}"].title.text or ""


def _cells(values: Sequence[Any]) -> list[str]:
    """Words as they are, numbers with the digits of their column, a dash where there is none."""
    if any(isinstance(value, str) for value in values):
        return ["–" if value is None else str(value) for value in values]
    return column_cells([math.nan if value is None else float(value) for value in values])
