"""The page of a check: measured against predicted latencies, and where routed models lie between dense ones."""

from collections.abc import Sequence

import plotly.graph_objects as go

from optimoe.cost.calibration.check import CheckedRecord, LatencyCheck
from optimoe.cost.calibration.equivalents import EquallyFastDense, LatencyName
from optimoe.report.pages.figures.style import ACCENT, MUTED, SERIES, log_axis, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.calibration_prose import short_model
from optimoe.report.words.served.check_prose import check_lines, check_sentence, check_tables

TITLES: dict[LatencyName, str] = {"tpot": "TPOT, ms", "ttft": "TTFT, ms"}


def check_page(check: LatencyCheck) -> str:
    """The whole page; figures and their library inside."""
    figures = [latency_figure(check, latency) for latency in TITLES]
    places = [place_figure(check.equivalents, latency) for latency in TITLES if check.equivalents]
    tables = check_tables(check)
    dates = sorted({row.record.date for row in check.rows})
    gpus = sorted({row.record.gpu.rpartition("/")[2] for row in check.rows})
    page = Page(
        title=f"{len(check.rows)} measured latencies beside their predictions",
        decision=check_sentence(check),
        about=f"{', '.join(gpus)}, measured {dates[0]}{f' to {dates[-1]}' if dates[1:] else ''}",
        answer=[(str(label), text) for label, text in check_lines(check) if text],
        sections=[
            Section(title="Predicted against measured", figures=figures),
            Section(title="Every record", about="Measured, and predicted over measured.", table=tables[0]),
            *(
                Section(title="Dense models as fast as the routed ones", figures=places, table=table)
                for table in tables[1:]
            ),
            Section(title="What this rests on", texts=sources(check)),
        ],
    )
    return render(page)


def sources(check: LatencyCheck) -> list[str]:
    """Who measured, with which engines, and what predicts."""
    records = [row.record for row in check.rows]
    said = list(dict.fromkeys(record.source for record in records if record.source))
    engines = sorted({f"{record.engine} {record.engine_version}" for record in records})
    calibrated = [f"calibration: {check.calibration}"] if check.calibration else []
    return [*said, f"engines: {', '.join(engines)}", *calibrated]


def latency_figure(check: LatencyCheck, latency: LatencyName) -> go.Figure:
    """Predicted against measured, as shipped and where it holds as calibrated; on the line they are equal."""

    def measured(row: CheckedRecord) -> float:
        return 1e3 * (row.record.tpot_s if latency == "tpot" else row.record.ttft_s)

    def shipped(row: CheckedRecord) -> float:
        return 1e3 * (row.tpot_s if latency == "tpot" else row.ttft_s)

    def calibrated(row: CheckedRecord) -> float:
        return 1e3 * (row.calibrated_tpot_s if latency == "tpot" else row.calibrated_ttft_s)

    held = [row for row in check.rows if row.calibrated]
    values = [*map(measured, check.rows), *map(shipped, check.rows), *map(calibrated, held)]
    ends = [min(values), max(values)]
    figure = go.Figure()
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": MUTED, "dash": "dot"}, showlegend=False, hoverinfo="skip"
    )
    for rows, predicted, name, colour in (
        (check.rows, shipped, "as shipped", MUTED),
        (held, calibrated, f"calibrated ({check.calibration})", ACCENT),
    ):
        if rows:
            figure.add_scatter(
                x=[measured(row) for row in rows],
                y=[predicted(row) for row in rows],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 8},
                hovertext=[_told(row) for row in rows],
            )
    axis = log_axis(values)
    figure.update_layout(
        xaxis=axis | {"title": f"measured {TITLES[latency]}"},
        yaxis=axis | {"title": f"predicted {TITLES[latency]}"},
    )
    return styled(figure, f"Predicted against measured {latency.upper()}")


def place_figure(equivalents: Sequence[EquallyFastDense], latency: LatencyName) -> go.Figure:
    """Where each routed model lies between its active size, 0, and its total size, 1, measured and predicted."""
    own = [one for one in equivalents if one.latency == latency]
    figure = go.Figure()
    names = list(dict.fromkeys((one.model, one.engine) for one in own))
    for number, (model, engine) in enumerate(names):
        line = [one for one in own if (one.model, one.engine) == (model, engine)]
        line.sort(key=lambda one: one.concurrency)
        loads, color = [one.concurrency for one in line], SERIES[number % len(SERIES)]
        figure.add_scatter(
            x=loads,
            y=[one.position for one in line],
            mode="lines+markers",
            name=f"{short_model(model)}, {engine}",
            line={"color": color},
            marker={"symbol": ["circle-open" if one.beyond else "circle" for one in line], "size": 8},
        )
        figure.add_scatter(
            x=loads,
            y=[one.predicted_position for one in line],
            mode="lines",
            name=f"{short_model(model)}, predicted",
            line={"color": color, "dash": "dot"},
            showlegend=False,
        )
    places = [place for one in own for place in (one.position, one.predicted_position)]
    figure.update_layout(
        xaxis=log_axis([one.concurrency for one in own]) | {"title": "requests in flight"},
        yaxis={
            "title": "0 = its active size, 1 = its total size",
            "range": [min(-0.05, *places) - 0.05, max(1.0, *places) + 0.05],
        },
    )
    return styled(
        figure, f"The dense model of equal {latency.upper()}; dotted: predicted; open: beyond those measured"
    )


def _told(row: CheckedRecord) -> str:
    record = row.record
    load = f"{record.input_tokens}/{record.output_tokens} tokens, {record.concurrency:g} requests"
    return f"{short_model(record.model)}, {record.engine}, {load}"
