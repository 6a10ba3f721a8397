"""Figures of models and of the GPUs that serve them: parameters by part, dense equivalents, fleets."""

from dataclasses import fields

import plotly.graph_objects as go

from optimoe.arch.count import ArchCount
from optimoe.core.units import format_count
from optimoe.report.pages.figures.style import ACCENT, MUTED, SERIES, colours, log_axis, styled
from optimoe.report.records.served.comparison import ComparisonRecord, DenseEquivalentRecord
from optimoe.report.records.sizing import FleetsRecord


def count_figure(counted: ArchCount) -> go.Figure:
    """Parameters by part; of routed experts those that one token uses and the others."""
    params = counted.params
    parts = {field.name.replace("_", " "): getattr(params, field.name) for field in fields(params)}
    used = parts.pop("routed experts active")
    known = {name: number for name, number in parts.items() if number}
    touched = [used if name == "routed experts" else number for name, number in known.items()]
    figure = go.Figure()
    for name, colour, numbers in (
        ("of one token", ACCENT, touched),
        ("of the others", MUTED, [number - own for number, own in zip(known.values(), touched, strict=True)]),
    ):
        figure.add_bar(y=list(known), x=numbers, orientation="h", name=name, marker_color=colour)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="parameters")
    figure.update_yaxes(autorange="reversed", automargin=True)
    told = ", ".join(f"{name} {format_count(number)}" for name, number in known.items())
    return styled(
        figure, f"{format_count(params.active)} of {format_count(params.total)} parameters serve a token", told
    )


def equivalents_figure(record: ComparisonRecord) -> go.Figure:
    """Sizes of the dense models of equal cost by regime, by the full cost model, between active and total size."""
    regimes = [field.name for field in fields(DenseEquivalentRecord)]
    figure = go.Figure()
    for colour, model in zip(colours(len(record.models)), record.models, strict=True):
        sizes = [model.params_active, *(getattr(model.dense_equivalent_full, regime) for regime in regimes)]
        figure.add_scatter(
            x=[*sizes, model.params_total],
            y=["active size", *(regime.replace("_", " ") for regime in regimes), "total size"],
            mode="markers",
            name=model.name,
            marker={"color": colour, "size": 10},
        )
    known = [one for trace in figure.data for one in trace.x if one]
    figure.update_xaxes(title="parameters of a dense model", **log_axis(known))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, "The dense model that costs as much to serve, by regime")


def fleets_figure(record: FleetsRecord) -> go.Figure:
    """Dollars of an hour of each fleet that carries the load, or its GPUs where no price is known."""
    names = [f"{one.num_deployments} × ({one.gpus_per_deployment} × {one.gpu})" for one in record.fleets]
    priced = all(one.usd_per_hour is not None for one in record.fleets)
    amounts = [one.usd_per_hour if priced else one.num_gpus for one in record.fleets]
    figure = go.Figure(go.Bar(y=names, x=amounts, orientation="h", marker_color=SERIES[1]))
    figure.update_xaxes(title="USD per hour" if priced else "GPUs")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, f"Fleets that carry {record.output_tokens_per_s:,.0f} output tokens per second")
