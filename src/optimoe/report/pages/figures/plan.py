"""Figures of a plan: what to show, as plotly figure data."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.overtraining import SizePoint
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.result import Plan, Scored
from optimoe.report.pages.figures.style import ACCENT, INK, MUTED, SERIES, colours, log_axis, styled
from optimoe.report.words.plan.alternatives import routing_words, shown_others
from optimoe.report.words.plan.shapes import kind_words
from optimoe.report.words.serving_prose import bound_words


def front_figure(plan: Plan) -> go.Figure:
    """Loss against serving price: the front, the choice and its equal-loss alternatives."""
    figure = go.Figure()
    numbers = sorted({one.family.num_experts for one in plan.front})
    figure.add_scatter(
        x=[member.usd_per_mtok for member in plan.front],
        y=[member.loss.value for member in plan.front],
        mode="lines",
        line={"color": MUTED, "width": 1, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )
    for colour, number in zip(colours(len(numbers)), numbers, strict=True):
        members = [member for member in plan.front if member.family.num_experts == number]
        _add_points(figure, members, kind_words(number), colour)
    _add_points(figure, [plan.choice], "the choice", ACCENT, size=15, symbol="star")
    prices = [one.usd_per_mtok for one in (*plan.front, plan.choice)]
    axis = log_axis(prices) if max(prices) > 0 else {}
    figure.update_xaxes(**axis, title="serving price, USD per million output tokens")
    figure.update_yaxes(title="loss, nats per token")
    told = (
        f"Loss against serving price of {len(plan.front)} designs on the whole budget; the choice has "
        f"{plan.choice.loss.value:.3f} nats at {format_usd(plan.choice.usd_per_mtok)} per million tokens."
    )
    return styled(figure, "Loss against serving price, whole training budget", told)


def size_figure(plan: Plan, curve: Sequence[SizePoint]) -> go.Figure:
    """Loss and serving price of the choice's family by size, the whole budget spent."""
    sizes = [point.params_active for point in curve]
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    figure.add_scatter(
        x=sizes,
        y=[point.loss for point in curve],
        mode="lines+markers",
        name="loss",
        line={"color": ACCENT},
        text=[f"{format_count(point.tokens)} tokens" for point in curve],
        hovertemplate="%{x:.3s} active, %{text}<br>%{y:.3f} nats<extra></extra>",
    )
    figure.add_scatter(
        x=sizes,
        y=[point.usd_per_mtok for point in curve],
        mode="lines",
        name="serving price",
        line={"color": SERIES[1], "dash": "dot"},
        hovertemplate="%{x:.3s} active: $%{y:.3g}/M<extra></extra>",
        secondary_y=True,
    )
    best = min(curve, key=lambda point: point.loss)
    marks = ((best.params_active, "lowest loss", 1.0), (plan.choice.params.active, "choice", 0.92))
    for size, words, height in marks:  # one below the other: the two are often close
        figure.add_vline(x=size, line={"color": INK, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=math.log10(size), y=height, yref="paper", text=words, showarrow=False, xanchor="left"
        )
    figure.update_xaxes(**log_axis(sizes), title="active parameters")
    figure.update_yaxes(title="loss, nats per token", secondary_y=False)
    figure.update_yaxes(title="USD per million output tokens", tickprefix="$", secondary_y=True, showgrid=False)
    figure.update_yaxes(rangemode="tozero", tickmode="auto", tickformat=".2~g", secondary_y=True)
    told = (
        f"Lowest loss {best.loss:.3f} at {format_count(best.params_active)} active parameters; the choice has "
        f"{format_count(plan.choice.params.active)}."
    )
    return styled(
        figure, f"{family_words(plan.choice.family)}: loss and price by size, whole training budget", told
    )


def total_figure(plan: Plan) -> go.Figure:
    """Training and serving dollars of the choice and of the designs beside it at its loss."""
    beside = [(routing_words(item.family), item.candidate) for item in shown_others(plan) if item.candidate]
    designs = [("the choice", plan.choice), *beside]
    figure = go.Figure()
    for name, colour, dollars in (
        ("training", SERIES[1], [one.train_usd for _, one in designs]),
        ("serving", SERIES[3], [one.serve_usd for _, one in designs]),
    ):
        figure.add_bar(
            name=name, y=[label for label, _ in designs], x=dollars, orientation="h", marker_color=colour
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="USD", tickprefix="$")
    figure.update_yaxes(autorange="reversed", automargin=True)
    choice, training = plan.choice, plan.problem.training
    affordable = training.affordable_tokens(choice.params.active, choice.training.mfu, choice.params.router)
    limit = affordable * training.usd_per_token(choice.params.active, choice.training.mfu)
    if limit < 4 * max(one.total_usd for _, one in designs):
        figure.add_vline(
            x=limit,
            line={"color": INK, "dash": "dot", "width": 1},
            annotation_text="training budget",
            annotation_position="top right",
        )
    told = "; ".join(
        f"{label}: training {format_usd(one.train_usd)}, serving {format_usd(one.serve_usd)}"
        for label, one in designs
    )
    return styled(figure, f"Dollars of a loss of {plan.choice.loss.value:.3f}", told)


def scored_figure(scored: Scored) -> go.Figure:
    """Dollars of a model of one's own: at the choice's loss, on the whole budget, and on its own tokens."""
    at = {"choice's loss": scored.candidate, "whole budget": scored.in_budget, "own tokens": scored.at_tokens}
    known = {f"{label}, {one.loss.value:.3f} nats": one for label, one in at.items() if one is not None}
    figure = go.Figure()
    for name, colour, dollars in (
        ("training", SERIES[1], [one.train_usd for one in known.values()]),
        ("serving", SERIES[3], [one.serve_usd for one in known.values()]),
    ):
        figure.add_bar(name=name, y=list(known), x=dollars, orientation="h", marker_color=colour)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="USD", tickprefix="$")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, f"Dollars of {scored.spec.name}")


def parts_figure(estimate: ServingEstimate) -> go.Figure:
    """Seconds of one output token by cause, without causes that take nothing."""
    parts = sorted(((cause, s) for cause, s in estimate.parts.items() if s > 0), key=lambda part: part[1])
    figure = go.Figure(
        go.Bar(
            x=[1e3 * seconds for _, seconds in parts],
            y=[bound_words(_cause(cause)).removeprefix("the ") for cause, _ in parts],
            orientation="h",
            marker_color=SERIES[1],
        )
    )
    figure.update_xaxes(title="ms per output token")
    told = ", ".join(f"{bound_words(_cause(cause))} {format_seconds(float(s))}" for cause, s in reversed(parts))
    return styled(figure, "What a decoded token waits for", told)


def _cause(part: str) -> str:
    """A part of TPOT as a cause: ``kv reads`` of ``kv_reads_s``."""
    return part.removesuffix("_s").replace("_", " ")


def tornado_figure(plan: Plan, robustness: Robustness) -> go.Figure:
    """Total dollars of the choice when one input moves, the others as stated."""
    today = plan.choice.total_usd
    figure = go.Figure()
    for swing in reversed(robustness.swings):
        for words, one in zip(swing.ends, swing.choices, strict=True):
            if one is None:
                continue
            other = one.family != plan.choice.family
            figure.add_bar(
                y=[swing.name],
                x=[one.total_usd - today],
                base=today,
                orientation="h",
                marker_color=ACCENT if other else SERIES[1],
                hovertext=f"{words}: {family_words(one.family)}, ${one.total_usd:,.0f}",
                hoverinfo="text",
                showlegend=False,
            )
    figure.add_vline(x=today, line={"color": INK, "width": 1})
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title="total USD of the design that is then the choice", tickprefix="$")
    told = "; ".join(
        f"{swing.name} {words}: {f'{format_usd(one.total_usd)}' if one else 'nothing feasible'}"
        for swing in robustness.swings
        for words, one in zip(swing.ends, swing.choices, strict=True)
    )
    rows = [
        (
            swing.name,
            words,
            format_usd(one.total_usd) if one else "nothing feasible",
            family_words(one.family) if one else "–",
        )
        for swing in robustness.swings
        for words, one in zip(swing.ends, swing.choices, strict=True)
    ]
    heads = ("input", "moves to", "total USD", "then the choice")
    return styled(figure, "What one input would change (orange: another family)", told, [heads, *rows])


def _add_points(
    figure: go.Figure, members: list[Candidate], name: str, colour: str, size: int = 8, symbol: str = "circle"
) -> None:
    figure.add_scatter(
        x=[member.usd_per_mtok for member in members],
        y=[member.loss.value for member in members],
        mode="markers",
        name=name,
        marker={"color": colour, "size": size, "symbol": symbol},
        text=[f"{member.params.active / 1e9:.3g}B active" for member in members],
        hovertemplate="%{text}<br>%{y:.3f} nats, $%{x:.3g}/M<extra>" + name + "</extra>",
    )
