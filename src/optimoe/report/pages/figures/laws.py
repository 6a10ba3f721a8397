"""Figures of laws: a law over the range it was fitted on, what laws say of a design, what they would decide."""

import math

import numpy as np
import plotly.graph_objects as go

from optimoe.laws.catalog import find_family
from optimoe.laws.law import LawRow
from optimoe.report.pages.figures.style import ACCENT, MUTED, colours, log_axis, styled
from optimoe.report.records.laws.comparison import DecisionsRecord, LawComparisonRecord
from optimoe.report.records.laws.library import PredictionRecord
from optimoe.report.records.laws.line import LawLineRecord

POINTS, LINES = 40, 3
"""Points of a line, and lines of the variable that tells them apart."""

BAND = "rgba(234, 122, 60, 0.22)"
"""Of a band, on light and on dark paper alike."""


def law_figure(law: LawRow) -> go.Figure:
    """Loss over the range of the runs: against D where the law has it, a line for sizes of the next variable."""
    ranges = {symbol: span for symbol, span in law.range.items() if 0 < span[0] < span[1]}
    along, *others = sorted(ranges, key=lambda symbol: symbol != "D")
    rest = {symbol: math.sqrt(low * high) for symbol, (low, high) in law.range.items() if symbol != along}
    apart = others[:1]
    values = np.geomspace(*ranges[along], POINTS)
    formula, figure = find_family(law.family)(law), go.Figure()
    lines = [{apart[0]: float(one)} for one in np.geomspace(*ranges[apart[0]], LINES)] if apart else [{}]
    for colour, fixed in zip(colours(len(lines)), lines, strict=True):
        losses = np.broadcast_to(formula.loss(**{**rest, **fixed, along: values}), values.shape)
        name = ", ".join(f"{symbol} = {value:.3g}" for symbol, value in fixed.items()) or "loss"
        figure.add_scatter(x=values, y=losses, mode="lines", name=name, line={"color": colour})
    figure.update_xaxes(title=along, **log_axis(ranges[along]))
    figure.update_yaxes(title="loss, nats per token")
    held = ", ".join(f"{symbol} = {value:.3g}" for symbol, value in rest.items() if symbol not in apart)
    return styled(figure, f"{law.name} over the range of its runs{f', {held}' if held else ''}")


def value_figure(record: PredictionRecord) -> go.Figure:
    """One output of a law with its band."""
    value = record.loss if record.output == "L" else record.value
    assert isinstance(value, float)
    error = {}
    if record.low is not None and record.high is not None:
        ends = {"array": [record.high - value], "arrayminus": [value - record.low]}
        error = {"error_x": {"type": "data", "symmetric": False, "color": MUTED, **ends}}
    figure = go.Figure()
    figure.add_scatter(
        x=[value], y=[record.law], mode="markers", marker={"color": ACCENT, "size": 10}, showlegend=False, **error
    )
    figure.update_xaxes(title=f"{record.output}{f', {record.unit}' if record.unit else ''}")
    figure.update_yaxes(automargin=True)
    cells = tuple("–" if end is None else f"{end:.4g}" for end in (record.low, record.high))
    rows = [("law", record.output, "low", "high"), (record.law, f"{value:.4g}", *cells)]
    return styled(figure, f"{record.meaning or record.output} by {record.law}", numbers=rows)


def along_figure(record: LawLineRecord) -> go.Figure:
    """An output of a law along a variable with its band, the fitted range shaded, dotted beyond any fit."""
    figure, points = go.Figure(), record.points
    at = [point.at for point in points]
    if all(point.low is not None for point in points):
        edge = {"mode": "lines", "line": {"width": 0, "color": ACCENT}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=at, y=[point.low for point in points], **edge)
        figure.add_scatter(x=at, y=[point.high for point in points], fill="tonexty", fillcolor=BAND, **edge)
    values = [point.value for point in points]
    whole = {"color": ACCENT, "dash": "dot", "width": 1.5}
    figure.add_scatter(x=at, y=values, mode="lines", name="beyond what was fitted", line=whole)
    inside = [None if point.beyond else point.value for point in points]
    line = {"color": ACCENT, "width": 3}
    figure.add_scatter(x=at, y=inside, mode="lines", name="inside", line=line, hoverinfo="skip")
    if record.fitted and 0 < record.fitted[0] < record.fitted[1]:
        low, high = max(record.fitted[0], at[0]), min(record.fitted[1], at[-1])
        if low < high:
            figure.add_vrect(x0=low, x1=high, fillcolor=MUTED, opacity=0.2, line_width=0, layer="below")
    figure.update_xaxes(title=record.variable, **log_axis(at))
    figure.update_yaxes(title=f"{record.output}{f', {record.unit}' if record.unit else ''}")
    return styled(figure, f"{record.output} of {record.law} along {record.variable} (shaded: fitted)", numbers=())


def opinions_figure(record: LawComparisonRecord) -> go.Figure:
    """What routing gains by each law: its loss below that of the dense model of equal active size."""
    known = [one for one in record.opinions if one.difference is not None]
    figure = go.Figure(
        go.Bar(
            x=[one.difference for one in known],
            y=[one.law for one in known],
            orientation="h",
            marker_color=[ACCENT if one.inside else MUTED for one in known],
        )
    )
    figure.update_xaxes(title="nats per token, against the dense model of equal active size")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, f"What laws say of {record.arch} (grey: beyond their range)")


def decisions_figure(record: DecisionsRecord, question: str) -> go.Figure:
    """What each law would choose at a budget, for one question."""
    (verdict,) = (one for one in record.verdicts if one.question == question)
    answers = {one.law: one.value for one in verdict.answers}
    figure = go.Figure()
    figure.add_scatter(
        x=list(answers.values()),
        y=list(answers),
        mode="markers",
        marker={"color": ACCENT, "size": 10},
        showlegend=False,
    )
    figure.update_xaxes(title=question.replace("_", " "), **log_axis(answers.values()))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, f"{question.replace('_', ' ')} at {record.train_flops:.3g} FLOP", verdict.words)
