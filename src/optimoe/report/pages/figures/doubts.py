"""Figures of how sure a plan is: the designs that contend with the choice, and what its limits are worth."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optimoe.core.units import format_count
from optimoe.planner.confidence.contending import Axis, Contending
from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.confidence.shadow_prices import ShadowPrice
from optimoe.report.pages.figures.style import ACCENT, INK, MUTED, SERIES, colours, styled
from optimoe.report.words.plan.confidence import contending_words, limits_words, looser_words, shares_words
from optimoe.report.words.plan.shapes import kind_words

ROW = 36
"""Pixels of an axis of designs, with its labels above and below."""

EDGE = 0.08
"""Share of the width that is left beside the first and the last value, for half a label."""


def drawn_shares(robustness: Robustness) -> dict[str, Sequence[Chance]]:
    """How often each number of experts is the best, by what was drawn: the plan's law, other laws, prices."""
    shares: dict[str, Sequence[Chance]] = {}
    if robustness.uncertainty is not None:
        shares["draws of the law"] = robustness.uncertainty.chances
    others = robustness.over_laws
    if others is not None and len(others.opinions) > 1:
        shares |= {f"{one.law}{'' if one.drawn else ', as published'}": one.chances for one in others.opinions[1:]}
        shares["all laws alike"] = others.chances
    if robustness.over_money is not None and robustness.over_money.drawn:
        shares["draws of prices and demand"] = robustness.over_money.chances
    return shares


def draws_figure(shares: Mapping[str, Sequence[Chance]]) -> go.Figure:
    """How often each number of experts is the best, a bar for each thing that was drawn."""
    numbers = sorted({one.family.num_experts for chances in shares.values() for one in chances})
    figure = go.Figure()
    for colour, number in zip(colours(len(numbers)), numbers, strict=True):
        won = [
            sum(one.probability for one in chances if one.family.num_experts == number)
            for chances in shares.values()
        ]
        figure.add_bar(
            x=[100 * share for share in won], y=list(shares), orientation="h", name=kind_words(number),
            marker_color=colour,
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="% of draws in which it is the best", range=[0, 100])
    figure.update_yaxes(autorange="reversed", automargin=True)
    told = "; ".join(f"{name}: {shares_words(chances)}" for name, chances in shares.items())
    return styled(figure, "Which number of experts is the best, over draws", told)


def contending_figure(found: Contending) -> go.Figure:
    """What designs of the space have on each axis, and what those have that contend with the choice."""
    figure = go.Figure()
    for name, colour, width, size, side in (
        ("space", MUTED, 1, 6, "bottom center"),
        ("values", ACCENT, 4, 9, "top center"),
    ):
        marks = [(axis, value) for axis in found.axes for value in (*getattr(axis, name), None)]
        figure.add_scatter(
            x=[None if value is None else _place(axis, value) for axis, value in marks],
            y=[axis.name for axis, _ in marks],
            text=["" if value is None or not (axis.ranged or name == "space") else _mark(axis, value)
                  for axis, value in marks],
            mode="lines+markers+text",
            name="all designs" if name == "space" else "nine in ten of those that contend",
            line={"color": colour, "width": width},
            marker={"color": colour, "size": size},
            textfont={"color": INK if name == "space" else colour, "size": 11},
            textposition=side,
            hoverinfo="skip",
        )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-EDGE, 1 + EDGE])
    figure.update_yaxes(autorange="reversed", automargin=True)
    title = f"{found.designs:,} of {found.of:,} designs contend with the choice"
    rows = [(axis.name, *(_span(axis, values) for values in (axis.values, axis.space))) for axis in found.axes]
    heads = ("", "nine in ten of those that contend", "all designs")
    figure = styled(figure, title, contending_words(found), [heads, *rows])
    return figure.update_layout(height=max(figure.layout.height, ROW * (len(found.axes) + 3)))


def shadow_figure(prices: Sequence[ShadowPrice], unit: str) -> go.Figure:
    """What a looser limit gains: at the choice's loss, and in the lowest loss.

    Args:
        prices: The worth of each limit.
        unit: What is saved, as worths are said in: ``usd``, or ``gpu_hours`` of owned GPUs.
    """
    dollars = unit == "usd"
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.12)
    limits = [looser_words(one) for one in prices]
    for column, amounts, colour in (
        (1, [one.usual.usd for one in prices], SERIES[1]),
        (2, [one.usual.nats for one in prices], ACCENT),
    ):
        known = [None if math.isnan(amount) else amount for amount in amounts]
        figure.add_bar(
            x=known, y=limits, orientation="h", marker_color=colour, showlegend=False, row=1, col=column
        )
    figure.update_xaxes(nticks=3, tickangle=0)  # each has a quarter of a screen
    saved, prefix = ("USD", "$") if dollars else ("GPU hours", "")
    figure.update_xaxes(title=f"{saved} saved", tickprefix=prefix, col=1)
    figure.update_xaxes(title="nats of loss", col=2)
    figure.update_yaxes(autorange="reversed", automargin=True)
    title = "What a looser limit is worth: at the choice's loss, and in the lowest loss"
    return styled(figure, title, limits_words(prices, unit))


def _place(axis: Axis, value: float | str) -> float:
    """Where a value stands between the first and the last of its axis, from 0 to 1; sizes by their logarithm."""
    if axis.ranged:
        low, high, size = (math.log(float(one)) for one in (axis.space[0], axis.space[-1], value))
        return min(1.0, max(0.0, (size - low) / (high - low))) if high > low else 0.5
    return axis.space.index(value) / (len(axis.space) - 1)


def _span(axis: Axis, values: Sequence[float | str]) -> str:
    """Values of an axis in a cell: the ends of a size, and every other one."""
    ends = (values[0], values[-1]) if axis.ranged else values
    return (" – " if axis.ranged else ", ").join(_mark(axis, value) for value in ends)


def _mark(axis: Axis, value: float | str) -> str:
    if isinstance(value, str):
        return value
    return format_count(value, 2) if axis.ranged else f"{value:g}"
