"""The page of an endpoint under load: latencies and throughput by level, with the intervals of so few requests."""

import math
from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.results.quantiles import Quantiles
from optimoe.report.pages.figures.style import ACCENT, SERIES, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.served.measured_prose import (
    asked_lines,
    known_lines,
    levels_table,
    load_words,
    measured_sentence,
    percentiles_table,
)

PERCENTS = ((50.0, SERIES[1]), (90.0, SERIES[3]), (99.0, SERIES[5]))
"""Percentiles that are drawn, each in its colour."""


def load_page(found: Measurement) -> str:
    """The whole page; figures and their library inside."""
    known = [(str(label), text) for label, text in known_lines(found)]
    first = found.levels[0].measured_utc
    page = Page(
        title=f"{found.server.model} under load",
        decision=measured_sentence(found),
        about=f"Measured {first}{', ended early' if found.interrupted else ''}",
        answer=asked_lines(found),
        sections=[
            Section(title="Latency and throughput", figures=[draw() for draw in load_figures(found).values()]),
            Section(title="Levels", table=levels_table(found)),
            Section(title="Percentiles", table=percentiles_table(found)),
            Section(
                title="What this rests on", texts=[f"{label}: {text}" if label else text for label, text in known]
            ),
        ],
    )
    return render(page)


def load_figures(found: Measurement) -> dict[str, Callable[[], go.Figure]]:
    """What draws tokens a second, TTFT and TPOT, level by level."""
    levels = [load_words(level) for level in found.levels]
    return {
        "throughput": lambda: throughput_figure(levels, [level.output_throughput for level in found.levels]),
        "ttft": lambda: latency_figure("TTFT", levels, [level.ttft for level in found.levels]),
        "tpot": lambda: latency_figure("TPOT", levels, [level.tpot for level in found.levels]),
    }


def throughput_figure(levels: Sequence[str], rates: Sequence[float]) -> go.Figure:
    """Output tokens a second of all requests together."""
    figure = go.Figure()
    figure.add_bar(x=list(levels), y=list(rates), marker_color=ACCENT, showlegend=False)
    figure.update_xaxes(title="load", type="category")
    figure.update_yaxes(title="output tokens per second")
    return styled(figure, "Throughput")


def latency_figure(name: str, levels: Sequence[str], latencies: Sequence[Quantiles]) -> go.Figure:
    """Percentiles of a latency at each level, each with its interval where requests bound it."""
    figure = go.Figure()
    for percent, colour in PERCENTS:
        found = [latency.at(percent) for latency in latencies]
        known = [math.isfinite(one.low) and math.isfinite(one.high) for one in found]
        spans = [(one.high - one.value, one.value - one.low) if at else (0.0, 0.0)
                 for one, at in zip(found, known, strict=True)]  # fmt: skip
        figure.add_scatter(
            x=list(levels),
            y=[1e3 * one.value for one in found],
            mode="lines+markers",
            name=f"p{percent:g}",
            line={"color": colour},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [1e3 * up for up, _ in spans],
                "arrayminus": [1e3 * down for _, down in spans],
            },
        )  # fmt: skip
    figure.update_xaxes(title="load", type="category")
    figure.update_yaxes(title=f"{name}, ms", rangemode="tozero")
    return styled(figure, f"{name} by level, with 95 % intervals where requests bound them")
