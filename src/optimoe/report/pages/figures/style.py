"""How figures look: one style, in the colours of a light screen; pages know those of a dark one."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from optimoe.core.units import format_count
from optimoe.report.words.lines import Rows

INK, ACCENT, MUTED = "#1f2430", "#c2410c", "#94a3b8"
SERIES = ("#64748b", "#0e7490", "#15803d", "#a16207", "#7e22ce", "#be123c", "#1d4ed8", "#4d7c0f")

DARK = {
    INK: "#e5e7eb",
    ACCENT: "#fb923c",
    MUTED: "#64748b",
    **dict(zip(SERIES, ("#94a3b8", "#3bb3c9", "#4fb56f", "#d3a12d", "#b184e8", "#ef7088", "#6f9cf5", "#94bd3f"),
               strict=True)),
    "#2a3f5f": "#e5e7eb",
    "#ebf0f8": "#303846",
    "#c8d4e3": "#303846",
    "#ffffff": "#14171d",
}  # fmt: skip
"""Colours of a dark screen by those of a light one: of series, of the template's text and grid, of paper."""

FEW_DECADES = 4
"""Up to here a logarithmic axis has room for three labels a decade: twelve in all."""
FULL_BELOW = 1e5
""" … and a label for five digits."""
POWERS_FROM = 1e15
"""From here on, beyond the largest prefix, a label is a power of ten, as budgets of FLOPs are written."""


CLEAR = "rgba(0,0,0,0)"
"""The paper of a figure: the page's own, which is dark where the reader's screen is."""


TEMPLATE = "plotly_white"
"""Grid, ticks and bars of a figure."""


def by_itself(figure: go.Figure) -> go.Figure:
    """A styled figure with its template, as it stands outside a page."""
    return figure.update_layout(template=TEMPLATE, meta=None)


def styled(figure: go.Figure, title: str, told: str = "", numbers: Rows | None = None) -> go.Figure:
    """The figure with its title, font, margins and legend; the page adds its template.

    Args:
        figure: The figure.
        title: What stands above it.
        told: What it shows, for those who do not see it; left out, its title and its series say it.
        numbers: Its numbers as a table, heads first; left out, the points of its series; empty for none.
    """
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        meta={"told": told} | ({} if numbers is None else {"numbers": numbers}),
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "color": INK},
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
        height=400,
        legend={"orientation": "h", "y": -0.22},
    )
    return figure


def colours(number: int) -> Sequence[str]:
    """A colour for each of some series, the same over again where they are many."""
    return (SERIES * (1 + number // len(SERIES)))[:number]


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis with labels at 1, 2 and 5 of every decade that the values span, at 1 alone of many.

    Labels are written in full, from 100,000 on with a prefix, from 1e15 on as powers of ten.
    """
    known = [value for value in values if value > 0]
    decades = range(math.floor(math.log10(min(known))), math.ceil(math.log10(max(known))) + 1)
    digits = (1, 2, 5) if len(decades) <= FEW_DECADES else (1,)
    marks = [digit * 10.0**decade for decade in decades for digit in digits]
    return {"type": "log", "tickvals": marks, "ticktext": [_mark(mark) for mark in marks]}


def _mark(value: float) -> str:
    if value >= POWERS_FROM:
        return f"{value:.0e}".replace("e+", "e")
    return f"{value:,.10g}" if value < FULL_BELOW else format_count(value, 1)
