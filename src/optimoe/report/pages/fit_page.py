"""The page of a fit: its words, measured against predicted losses, and residuals by every variable."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from optimoe.laws.catalog import find_family
from optimoe.laws.fitting import Fit
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.runs import Observations
from optimoe.report.pages.style import ACCENT, INK, MUTED, SERIES, render, styled
from optimoe.report.words.lines import Lines

FEW_VALUES = 12
"""Values up to which a variable colours the points of the first figure: more colours cannot be told apart."""


def fit_page(observations: Observations, fitted: Fit, lines: Lines) -> str:
    """The whole page; figures and their library inside.

    Args:
        observations: The runs that were fitted.
        fitted: The fit.
        lines: Its words.
    """
    variables = variables_of(find_family(fitted.law.family), observations)
    predicted = np.broadcast_to(
        find_family(fitted.law.family)(fitted.law).loss(**variables), observations.loss.shape
    )
    residual = np.log(observations.loss / predicted)
    shown = {name: column for name, column in variables.items() if np.ptp(column) > 0}
    views = [residual_figure(name, column, residual, observations) for name, column in shown.items()]
    return render(
        "fit.html",
        [predicted_figure(predicted, observations, shown), *views],
        title=f"{fitted.law.name}: {fitted.runs} runs, {fitted.verdict.replace('_', ' ')}",
        lead=fitted.law.source,
        answer=[(label, text) for label, text in lines if text],
    )


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
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": MUTED, "dash": "dot"}, showlegend=False)
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
    return styled(figure, "Measured against predicted")


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
    figure.update_xaxes(title=name, type="log" if (column > 0).all() else "linear")
    figure.update_yaxes(title="ln L measured − ln L of the law")
    return styled(figure, f"Residuals by {name}")


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
