"""The page of a back-test: which law predicts runs that it has not seen, error by law, and run by run."""

import math
from collections.abc import Sequence
from typing import get_args

import plotly.graph_objects as go

from optimoe.laws.fitting.anchoring import BackTest, BackTests
from optimoe.laws.fitting.anchoring.back_test import Way
from optimoe.report.pages.figures.style import ACCENT, MUTED, SERIES, colours, log_axis, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.laws.back_test import back_test_lines, back_test_sentence, tests_table, way_words
from optimoe.report.words.lines import Table

MOST_LAWS = 6
"""Laws whose predictions are drawn run by run, those of the least errors: more colours cannot be told apart."""

WAYS: tuple[Way, ...] = get_args(Way)
"""Ways of bringing a law to runs, each with a colour of its own."""

LEAST_DRAWN = 1e-4
"""Nats: smaller errors are drawn as this."""


def back_test_page(found: BackTests) -> str:
    """The whole page; figures and their library inside.

    Args:
        found: What the back-test found.
    """
    best = best_ways(found)[:MOST_LAWS]
    drawn = [errors_figure(found)] if found.tests else []
    page = Page(
        title=f"{found.held} runs held out, predicted from {found.seen}",
        decision=back_test_sentence(found),
        answer=[(str(label), text) for label, text in back_test_lines(found) if text],
        sections=[
            Section(
                title="Error by law",
                about="Nats per token.",
                table=tests_table(found) if found.tests else None,
                marked=True,
                figures=drawn,
            ),
            Section(
                title="Run by run",
                about="Each law in its best way." if best else "",
                table=runs_table(best) if best else None,
                figures=[measured_figure(best, found.seed_spread)] if best else [],
            ),
            Section(title="What this rests on", texts=[f"runs: {found.source}", *_sources(found.tests)]),
        ],
    )
    return render(page)


def best_ways(found: BackTests) -> list[BackTest]:
    """The test of the least error of each law, the best law first."""
    best: dict[str, BackTest] = {}
    for test in found.tests:
        best.setdefault(test.law, test)
    return list(best.values())


def runs_table(tests: Sequence[BackTest]) -> Table:
    """Every run held out: measured, and the error of each law; a dash where the law may not rank it."""
    measured = {one.run: one.measured for test in tests for one in test.predicted}
    errors = [{one.run: one.predicted - one.measured for one in test.predicted} for test in tests]
    rows = [
        (run, f"{loss:.4f}", *(f"{by[run]:+.4f}" if run in by else "–" for by in errors))
        for run, loss in sorted(measured.items(), key=lambda item: -item[1])
    ]
    return Table(rows=[("run", "measured", *map(way_words, tests)), *rows])


def errors_figure(found: BackTests) -> go.Figure:
    """Median error of each law in each way, and the spread of the seeds beside them."""
    figure, laws = go.Figure(), [test.law for test in best_ways(found)]
    for way, colour in zip(WAYS, SERIES, strict=False):
        tests = [test for test in found.tests if test.way == way]
        if not tests:
            continue
        figure.add_scatter(
            x=[max(test.median, LEAST_DRAWN) for test in tests],
            y=[test.law for test in tests],
            mode="markers",
            name=way,
            marker={"color": colour, "size": 9},
            text=[way_words(test) for test in tests],
        )
    if found.seed_spread > 0:
        figure.add_scatter(
            x=[found.seed_spread] * 2,
            y=[laws[0], laws[-1]],
            mode="lines+markers",
            name="spread of the seeds",
            line={"color": ACCENT, "dash": "dot"},
            marker={"symbol": "line-ns-open", "size": 14},
        )
    shown = [max(test.median, LEAST_DRAWN) for test in found.tests]
    spread = [found.seed_spread] if found.seed_spread > 0 else []
    figure.update_xaxes(title="median error, nats per token", **log_axis([*shown, *spread]))
    figure.update_yaxes(categoryorder="array", categoryarray=laws[::-1], automargin=True)
    told = "; ".join(f"{way_words(test)} {test.median:.4f}" for test in best_ways(found))
    rows = [(test.law, test.way, str(test.runs), f"{test.median:.4f}") for test in found.tests]
    return styled(figure, "Median error by law and way", told, [("law", "way", "runs", "nats"), *rows])


def measured_figure(tests: Sequence[BackTest], spread: float) -> go.Figure:
    """Measured against predicted loss of the runs held out, a colour for each law, bars of the seeds' spread."""
    figure = go.Figure()
    every = [loss for test in tests for one in test.predicted for loss in (one.measured, one.predicted)]
    ends = [min(every), max(every)]
    line = {"color": MUTED, "dash": "dot"}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    bars = {"type": "constant", "value": spread, "color": MUTED, "width": 0} if spread > 0 else {}
    for colour, test in zip(colours(len(tests)), tests, strict=True):
        figure.add_scatter(
            x=[one.predicted for one in test.predicted],
            y=[one.measured for one in test.predicted],
            mode="markers",
            name=way_words(test),
            marker={"color": colour, "size": 8},
            error_y=bars,
            text=[one.run for one in test.predicted],
        )
    figure.update_xaxes(title="predicted, nats per token")
    figure.update_yaxes(title="measured, nats per token")
    said = "" if math.isnan(spread) else f"; bars: one standard deviation of the seeds, {spread:.4f}"
    return styled(figure, f"Runs held out, measured against predicted{said}", numbers=())


def _sources(tests: Sequence[BackTest]) -> list[str]:
    """Where each law is from, each said once."""
    return list(dict.fromkeys(f"{test.law}: {test.source}" for test in tests if test.source))
