"""How figures and pages look: one style, one file a page that opens offline."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.io import templates, to_html
from plotly.offline import get_plotlyjs

from optimoe import __version__
from optimoe.core.units import format_count

INK, ACCENT, MUTED = "#1f2430", "#c2410c", "#94a3b8"
SERIES = ("#64748b", "#0e7490", "#15803d", "#a16207", "#7e22ce", "#be123c", "#1d4ed8", "#4d7c0f")

FEW_DECADES = 4
"""Up to here a logarithmic axis has room for three labels a decade: twelve in all."""
FULL_BELOW = 1e5
""" … and a label for five digits."""


CLEAR = "rgba(0,0,0,0)"
"""The paper of a figure: the page's own, which is dark where the reader's screen is."""


TEMPLATE = "plotly_white"
"""Grid, ticks and bars of a figure."""


@cache
def _template() -> dict[str, Any]:
    plain: dict[str, Any] = templates[TEMPLATE].to_plotly_json()
    return plain


def by_itself(figure: go.Figure) -> go.Figure:
    """A styled figure with its template, as it stands outside a page."""
    return figure.update_layout(template=TEMPLATE)


def styled(figure: go.Figure, title: str, told: str = "") -> go.Figure:
    """The figure with its title, font, margins and legend; the page adds its template.

    Args:
        figure: The figure.
        title: What stands above it.
        told: What it shows, for those who do not see it; left out, its title and its series say it.
    """
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        meta={"told": told},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "color": INK},
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
        height=400,
        legend={"orientation": "h", "y": -0.22},
    )
    return figure


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis with labels at 1, 2 and 5 of every decade that the values span, at 1 alone of many.

    Labels are written in full, from 100,000 on with a prefix.
    """
    known = [value for value in values if value > 0]
    decades = range(math.floor(math.log10(min(known))), math.ceil(math.log10(max(known))) + 1)
    digits = (1, 2, 5) if len(decades) <= FEW_DECADES else (1,)
    marks = [digit * 10.0**decade for decade in decades for digit in digits]
    return {"type": "log", "tickvals": marks, "ticktext": [_mark(mark) for mark in marks]}


def _mark(value: float) -> str:
    return f"{value:,.10g}" if value < FULL_BELOW else format_count(value, 1)


def figure_html(figure: go.Figure) -> str:
    """A figure as a piece of a page: its title as a caption that wraps, and a text for who does not see it."""
    title = figure.layout.title.text or ""
    named = ", ".join(trace.name for trace in figure.data if trace.name)
    told = (figure.layout.meta or {}).get("told") or f"{title}{': ' + named if named else ''}"
    bare = figure.to_dict()  # plain: a Figure would check the template that it is given, 25 ms of CPU each
    bare["layout"]["template"] = _template()
    bare["layout"]["title"] = {}
    bare["layout"]["margin"]["t"] = 20
    drawn = to_html(
        bare,
        full_html=False,
        include_plotlyjs=False,
        config={"displayModeBar": False, "responsive": True},
        validate=False,
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<div role="img" aria-label="{escape(told)}">{drawn}</div></figure>'
    )


def render(template: str, figures: Sequence[go.Figure], **content: Any) -> str:
    """A page from its template; figures and their library inside."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("optimoe.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(
        figures=[figure_html(figure) for figure in figures],
        plotly_js=get_plotlyjs(),
        version=__version__,
        **content,
    )
