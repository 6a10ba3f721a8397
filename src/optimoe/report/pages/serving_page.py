"""The page of a deployment: speed against throughput, and price against batch and context."""

from collections.abc import Sequence

import plotly.graph_objects as go

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.cost.serving.step import efficiency_sources
from optimoe.cost.sizing.curves import Curves
from optimoe.report.pages.figures.style import ACCENT, MUTED, SERIES, colours, log_axis, styled
from optimoe.report.pages.page import Page, Section, render, rests_on
from optimoe.report.words.lines import Table
from optimoe.report.words.serving_prose import curves_sentence, gpu_price, layout_words, price_unit


def curves_page(curves: Curves) -> str:
    """The whole page; figures and their library inside."""
    cluster, workload = curves.deployment.cluster, curves.deployment.workload
    guess = f" (shape speculated: {curves.speculated})" if curves.speculated else ""
    tried = curves.frontier.tried
    page = Page(
        title=f"{curves.name}{guess} on {cluster.num_gpus} × {cluster.accelerator.name}",
        decision=curves_sentence(curves),
        about=f"{workload.input_tokens:,} tokens in, {workload.output_tokens:,} out",
        answer=[],
        sections=[
            Section(
                title="Speed and price",
                figures=[
                    frontier_figure(curves), context_figure(curves), batch_figure(curves), parts_figure(curves),
                ],
            ),
            Section(
                title="The frontier",
                about=f"No other layout and batch of the {tried:,} that fit is as fast for a user and for a GPU.",
                table=Table(rows=frontier_rows(curves.frontier.points), words=("bound by",)),
            ),
            rests_on(efficiency_sources()),
        ],
    )  # fmt: skip
    return render(page)


def frontier_rows(points: Sequence[ServingEstimate]) -> list[tuple[str, ...]]:
    """The frontier as a table, heads first."""
    heads = (
        "layout",
        "in flight",
        "tokens/s of a user",
        "tokens/s of a GPU",
        "TTFT",
        "TPOT",
        "USD/Mtok",
        "bound by",
    )
    return [
        heads,
        *(
            (
                layout_words(one.layout),
                f"{one.concurrency:.0f}",
                f"{1 / one.tpot_s:,.0f}",
                f"{one.tokens_per_s_per_gpu:,.0f}",
                format_seconds(one.ttft_s),
                format_seconds(one.tpot_s),
                "–" if one.usd_per_mtok != one.usd_per_mtok else format_usd(one.usd_per_mtok),
                one.bound_by,
            )
            for one in points
        ),
    ]


def frontier_figure(curves: Curves) -> go.Figure:
    """Tokens per second of a GPU against those of a user, the frontier by layout."""
    points = curves.frontier.points
    figure = go.Figure()
    figure.add_scatter(
        x=[1 / one.tpot_s for one in points],
        y=[one.tokens_per_s_per_gpu for one in points],
        mode="lines",
        line={"color": MUTED, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    names = list(dict.fromkeys(_layout(one) for one in points))
    for colour, name in zip(colours(len(names)), names, strict=True):
        own = [one for one in points if _layout(one) == name]
        figure.add_scatter(
            x=[1 / one.tpot_s for one in own],
            y=[one.tokens_per_s_per_gpu for one in own],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 8},
            text=[f"{one.concurrency:.0f} in flight, TTFT {format_seconds(one.ttft_s)}" for one in own],
            hovertemplate="%{text}<br>%{x:.3g} tokens/s of a user, %{y:.3g} of a GPU<extra>" + name + "</extra>",
        )
    speeds, rates = [1 / one.tpot_s for one in points], [one.tokens_per_s_per_gpu for one in points]
    figure.update_xaxes(title="output tokens per second of a user (1/TPOT)", **log_axis(speeds))
    figure.update_yaxes(title="output tokens per second of a GPU", **log_axis(rates))
    return styled(figure, "Speed of a user against throughput, best layout and batch")


def context_figure(curves: Curves) -> go.Figure:
    """Price against the prompt's length, each at its own best layout and batch."""
    figure = go.Figure()
    figure.add_scatter(
        x=[tokens for tokens, _ in curves.by_context],
        y=[gpu_price(one) for _, one in curves.by_context],
        mode="lines+markers",
        line={"color": ACCENT},
        text=[f"{_layout(one)}, {one.concurrency:.0f} in flight" for _, one in curves.by_context],
        hovertemplate="%{x:,} tokens: %{y:.3g}<br>%{text}<extra></extra>",
        showlegend=False,
    )
    marks = [tokens for tokens, _ in curves.by_context]
    figure.update_xaxes(
        type="log", title="prompt, tokens", tickvals=marks, ticktext=[format_count(tokens) for tokens in marks]
    )
    figure.update_yaxes(
        title=price_unit(curves.deployment), **log_axis(gpu_price(one) for _, one in curves.by_context)
    )
    return styled(figure, "Price against context")


def batch_figure(curves: Curves) -> go.Figure:
    """Price and TPOT against the requests in flight, in the layout of the best price."""
    figure = go.Figure()
    flight = [one.concurrency for one in curves.by_batch]
    for name, colour, values, axis in (
        (price_unit(curves.deployment), ACCENT, [gpu_price(one) for one in curves.by_batch], "y"),
        ("TPOT, ms", SERIES[1], [1e3 * one.tpot_s for one in curves.by_batch], "y2"),
    ):
        figure.add_scatter(x=flight, y=values, mode="lines", name=name, line={"color": colour}, yaxis=axis)
    prices = log_axis(gpu_price(one) for one in curves.by_batch)
    right = {"overlaying": "y", "side": "right", "title": "TPOT, ms", "rangemode": "tozero", "showgrid": False}
    right["tickmode"] = "auto"
    figure.update_layout(yaxis={"title": price_unit(curves.deployment), **prices}, yaxis2=right)
    figure.update_xaxes(title="requests in flight", **log_axis(flight))
    return styled(figure, f"Price and TPOT against batch, {_layout(curves.by_batch[0])}")


def parts_figure(curves: Curves) -> go.Figure:
    """Seconds of a token by cause, against the requests in flight."""
    flight = [one.concurrency for one in curves.by_batch]
    figure = go.Figure()
    causes = [
        cause
        for cause in curves.by_batch[0].parts
        if any(float(one.parts[cause]) > 0.005 * one.tpot_s for one in curves.by_batch)
    ]
    for colour, cause in zip(colours(len(causes)), causes, strict=True):
        figure.add_scatter(
            x=flight,
            y=[1e3 * float(one.parts[cause]) for one in curves.by_batch],
            mode="lines",
            stackgroup="parts",
            name=cause.removesuffix("_s").replace("_", " "),
            line={"color": colour, "width": 0.5},
        )
    figure.update_xaxes(title="requests in flight", **log_axis(flight))
    figure.update_yaxes(title="ms per output token")
    return styled(figure, "What a token waits for")


def _layout(one: ServingEstimate) -> str:
    return layout_words(one.layout)
