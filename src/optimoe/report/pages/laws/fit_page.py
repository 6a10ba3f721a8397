"""The page of a fit: its words, measured against predicted losses, and residuals by every variable."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from optimoe.laws.catalog import find_family
from optimoe.laws.fitting import Fit, Interval
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.runs import Observations
from optimoe.report.pages.figures.style import ACCENT, INK, MUTED, SERIES, log_axis, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.law_prose import fit_sentence
from optimoe.report.words.lines import Lines, Table

FEW_VALUES = 12
"""Values up to which a variable colours the points of the first figure: more colours cannot be told apart."""


MOST_DRAWN = 1_000
"""Runs of a page: figures stay readable and the file small."""


def fit_page(
    observations: Observations, fitted: Fit, lines: Lines, intervals: Mapping[str, Interval] | None = None
) -> str:
    """The whole page; figures and their library inside.

    Args:
        observations: The runs that were fitted; of very many, as many as a page has room for are drawn.
        fitted: The fit.
        lines: Its words.
        intervals: Where coefficients may lie, where that was asked.
    """
    variables = variables_of(find_family(fitted.law.family), observations)
    predicted = np.broadcast_to(
        find_family(fitted.law.family)(fitted.law).loss(**variables), observations.loss.shape
    )
    step = -(-len(observations.loss) // MOST_DRAWN)
    few, predicted = observations.select(np.arange(len(predicted)) % step == 0), predicted[::step]
    residual = np.log(few.loss / predicted)
    shown = {name: column[::step] for name, column in variables.items() if np.ptp(column) > 0}
    views = [residual_figure(name, column, residual, few) for name, column in shown.items()]
    thinned = f"Every {step}th of {fitted.runs:,} runs." if step > 1 else ""
    law = fitted.law
    page = Page(
        title=f"{law.name}: {fitted.runs:,} runs, {fitted.verdict.replace('_', ' ')}",
        decision=fit_sentence(fitted),
        about=f"family {law.family}",
        answer=[(str(label), text) for label, text in lines if text],
        sections=[
            Section(
                title="Runs and law", about=thinned, figures=[predicted_figure(predicted, few, shown), *views]
            ),
            Section(title="Coefficients", figures=[intervals_figure(fitted, intervals)] if intervals else []),
            Section(title="Runs", about=thinned, table=_runs_table(few, predicted, residual, shown)),
            Section(title="Sources", texts=[text for text in (law.source, *fitted.remarks) if text]),
        ],
    )
    return render(page)


def _runs_table(
    runs: Observations,
    predicted: Float[np.ndarray, " runs"],
    residual: Float[np.ndarray, " runs"],
    variables: Mapping[str, Float[np.ndarray, " runs"]],
) -> Table:
    """Every drawn run: its name, its variables, measured and predicted loss."""
    names = _names(runs, np.ones(len(predicted), dtype=bool))
    columns = [names, *([f"{one:.4g}" for one in column] for column in variables.values())]
    columns += [[f"{one:.4f}" for one in column] for column in (runs.loss, predicted)]
    columns.append([f"{one:+.2%}" for one in residual])
    heads = ("run", *variables, "measured", "predicted", "ln of their ratio")
    return Table(rows=[heads, *zip(*columns, strict=True)])


def intervals_figure(fitted: Fit, intervals: Mapping[str, Interval]) -> go.Figure:
    """Where each coefficient may lie, as a multiple of what was fitted."""
    known = {symbol: one for symbol, one in intervals.items() if 0 < one.low * one.high < math.inf}
    values = [fitted.coefficients[symbol] for symbol in known]
    ends = [sorted((one.low / value, one.high / value)) for one, value in zip(known.values(), values, strict=True)]
    figure = go.Figure()
    figure.add_scatter(
        x=[1.0] * len(known),
        y=list(known),
        mode="markers",
        marker={"color": ACCENT, "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - 1 for _, high in ends],
            "arrayminus": [1 - low for low, _ in ends],
            "color": MUTED,
        },
        showlegend=False,
    )
    figure.update_xaxes(title="over the fitted value", type="log")
    figure.update_yaxes(autorange="reversed", automargin=True)
    rows = [
        (symbol, f"{value:.6g}", f"{one.low:.6g}", f"{one.high:.6g}", f"{one.level:.0%}")
        for (symbol, one), value in zip(known.items(), values, strict=True)
    ]
    told = "; ".join(f"{symbol} {value} ({low} – {high})" for symbol, value, low, high, _ in rows)
    heads = ("coefficient", "fitted", "low", "high", "level")
    return styled(figure, "Where the coefficients may lie", told, [heads, *rows])


def predicted_figure(
    predicted: Float[np.ndarray, " runs"],
    observations: Observations,
    variables: dict[str, Float[np.ndarray, " runs"]],
) -> go.Figure:
    """Measured against predicted loss, coloured by the variable with the fewest values."""
    figure = go.Figure()
    ends = [
        float(min(predicted.min(), observations.loss.min())),
        float(max(predicted.max(), observations.loss.max())),
    ]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": MUTED, "dash": "dot"}, showlegend=False, hoverinfo="skip"
    )
    kinds = {name: np.unique(column) for name, column in variables.items()}
    name = min(kinds, key=lambda one: len(kinds[one]), default="")
    groups = kinds[name] if name and len(kinds[name]) <= FEW_VALUES else np.array([np.nan])
    for number, value in enumerate(groups):
        rows = np.ones(len(predicted), dtype=bool) if np.isnan(value) else variables[name] == value
        figure.add_scatter(
            x=predicted[rows],
            y=observations.loss[rows],
            mode="markers",
            name="runs" if np.isnan(value) else f"{name} = {value:.3g}",
            marker={"color": SERIES[number % len(SERIES)], "size": 7},
            text=_names(observations, rows),
        )
    figure.update_xaxes(title="predicted, nats per token")
    figure.update_yaxes(title="measured, nats per token")
    return styled(figure, "Measured against predicted", numbers=())


def residual_figure(
    name: str, column: Float[np.ndarray, " runs"], residual: Float[np.ndarray, " runs"], observations: Observations
) -> go.Figure:
    """Residuals of ln L by one variable, with their mean in each third: a slope there is a misfit of the form."""
    figure = go.Figure()
    every = np.ones(len(column), dtype=bool)
    figure.add_scatter(
        x=column,
        y=residual,
        mode="markers",
        marker={"color": SERIES[1], "size": 6},
        text=_names(observations, every),
        showlegend=False,
    )
    figure.add_hline(y=0, line={"color": INK, "width": 1})
    means = thirds(column, residual)
    figure.add_scatter(
        x=[x for x, _ in means],
        y=[mean for _, mean in means],
        mode="lines+markers",
        line={"color": ACCENT},
        marker={"size": 9},
        name="mean of each third",
    )
    figure.update_xaxes(title=name, **(log_axis(column) if (column > 0).all() else {}))
    figure.update_yaxes(title="ln L measured − ln L of the law")
    return styled(figure, f"Residuals by {name}", numbers=())


def thirds(column: Float[np.ndarray, " runs"], residual: Float[np.ndarray, " runs"]) -> list[tuple[float, float]]:
    """Median of a variable and mean residual in its lower, middle and upper third."""
    order = np.argsort(column, kind="stable")
    return [
        (float(np.median(column[rows])), float(residual[rows].mean()))
        for rows in np.array_split(order, 3)
        if len(rows)
    ]


def _names(observations: Observations, rows: np.ndarray) -> Sequence[str]:
    """What a point is called where it is touched: its row, and its run where it has one."""
    names = [(int(observations.rows[row]), observations.run_name(int(row))) for row in np.flatnonzero(rows)]
    return [f"row {row}" + (f", {run}" if run else "") for row, run in names]
