"""The page of a text: its claims beside ours, and its figures drawn."""

from collections.abc import Sequence
from math import isnan

import plotly.graph_objects as go

from optimoe.core.claims import Reproduction, Series, TextFigure
from optimoe.planner.published.ledger import Reproduced
from optimoe.report.pages.figures.style import SERIES, log_axis, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.lines import Table
from optimoe.report.words.texts.reproduce_prose import claim_cells, counts_line, figure_remarks

HEADS = (
    "verdict",
    "claim",
    "law",
    "place",
    "printed",
    "ours",
    "what was run, and what it closes",
)

BAND_OPACITY = 0.15
"""Of the area between the ends of a band: several lie over each other and stay apart."""

FEWEST_OF_A_CURVE = 3
"""Points from which rising x are drawn as a curve: two points are no curve."""


def reproduction_page(done: Reproduced, figures: Sequence[TextFigure]) -> str:
    """The whole page; figures and their library inside.

    Args:
        done: The text with its claims judged.
        figures: Its figures.
    """
    drawn = [
        Section(title=f"Figure {one.key}", figures=[drawn_figure(one)], texts=figure_remarks(one))
        for one in figures
    ]
    claims = Table(rows=[HEADS, *(_joined(row) for row in done.rows)], words=HEADS)
    page = Page(
        title=f"{done.text.text}: printed numbers beside ours",
        decision=f"Of {len(done.rows)} printed numbers: {counts_line([done])}.",
        about=done.text.about,
        answer=[],
        sections=[*drawn, Section(title="Claims", table=claims), Section(title="Sources", texts=_sources(done))],
    )
    return render(page)


def _joined(row: Reproduction) -> tuple[str, ...]:
    """A claim in cells; what stands below each other in one is on lines of its own."""
    return tuple("\n".join(lines) for lines in claim_cells(row))


def _sources(done: Reproduced) -> list[str]:
    """The text itself, and the data that its claims need."""
    data = done.text.data
    return [f"{done.text.text}: {done.text.about}", *([f"data: {', '.join(data)}"] if data else [])]


def drawn_figure(figure: TextFigure) -> go.Figure:
    """A figure of a text: curves where x rises, else points; bands as areas."""
    drawn = go.Figure()
    for number, series in enumerate(figure.series):
        _add_series(drawn, series, SERIES[number % len(SERIES)])
    for update, title, log, axis in (
        (drawn.update_xaxes, figure.x, figure.x_log, "x"),
        (drawn.update_yaxes, figure.y, figure.y_log, "y"),
    ):
        values = [value for one in figure.series for value in getattr(one, axis) if not isnan(value)]
        update(title=title, **(log_axis(values) if log and values else {}))
    return styled(drawn, figure.title)


def _add_series(drawn: go.Figure, series: Series, colour: str) -> None:
    rising = all(one < other for one, other in zip(series.x, series.x[1:], strict=False))
    curve = rising and len(series.x) >= FEWEST_OF_A_CURVE
    if series.low and curve:
        drawn.add_scatter(
            x=[*series.x, *reversed(series.x)],
            y=[*series.high, *reversed(series.low)],
            fill="toself",
            fillcolor=colour,
            opacity=BAND_OPACITY,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )
    error = {}
    if series.low and not curve:
        up = [high - y for y, high in zip(series.y, series.high, strict=True)]
        down = [y - low for y, low in zip(series.y, series.low, strict=True)]
        error = {"error_y": {"type": "data", "symmetric": False, "array": up, "arrayminus": down}}
    drawn.add_scatter(
        x=series.x,
        y=series.y,
        mode="lines+markers" if curve else "markers",
        name=series.name,
        line={"color": colour},
        marker={"size": 6},
        **error,
    )
