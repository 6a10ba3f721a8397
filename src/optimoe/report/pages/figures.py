"""Figures of a plan: what to show, as plotly figure data."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optimoe.core.units import format_count
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.overtraining import SizePoint
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.result import Plan
from optimoe.report.pages.style import ACCENT, INK, MUTED, SERIES, styled


def front_figure(plan: Plan) -> go.Figure:
    """Loss against serving price: the front, the choice and its equal-loss alternatives."""
    figure = go.Figure()
    families = list(dict.fromkeys(sorted((one.family for one in plan.front), key=lambda one: one.num_experts)))
    figure.add_scatter(
        x=[member.usd_per_mtok for member in plan.front],
        y=[member.loss.value for member in plan.front],
        mode="lines",
        line={"color": MUTED, "width": 1, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )
    for colour, family in zip(SERIES * (1 + len(families) // len(SERIES)), families, strict=False):
        members = [member for member in plan.front if member.family == family]
        _add_points(figure, members, family_words(family), colour)
    _add_points(figure, [plan.choice], "the choice", ACCENT, size=15, symbol="star")
    figure.update_xaxes(type="log", title="serving price, USD per million output tokens")
    figure.update_yaxes(title="loss, nats per token")
    return styled(figure, "Loss against serving price, whole training budget")


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
        line={"color": "#0e7490", "dash": "dot"},
        hovertemplate="%{x:.3s} active: $%{y:.3g}/M<extra></extra>",
        secondary_y=True,
    )
    best = min(curve, key=lambda point: point.loss)
    for size, words in ((best.params_active, "lowest loss"), (plan.choice.params.active, "choice")):
        figure.add_vline(x=size, line={"color": INK, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=math.log10(size), y=1, yref="paper", text=words, textangle=-90, showarrow=False, xanchor="right"
        )
    figure.update_xaxes(type="log", title="active parameters")
    figure.update_yaxes(title="loss, nats per token", secondary_y=False)
    figure.update_yaxes(title="USD per million output tokens", tickprefix="$", secondary_y=True, showgrid=False)
    figure.update_yaxes(rangemode="tozero", tickmode="auto", tickformat=".2~g", secondary_y=True)
    return styled(figure, f"{family_words(plan.choice.family)}: loss and price by size, whole training budget")


def total_figure(plan: Plan) -> go.Figure:
    """Training and serving dollars of every expert count at the choice's loss."""
    designs = [
        (family_words(item.family), item.candidate) for item in plan.by_family if item.candidate is not None
    ]
    figure = go.Figure()
    for name, colour, dollars in (
        ("training", "#0e7490", [one.train_usd for _, one in designs]),
        ("serving", "#f59e0b", [one.serve_usd for _, one in designs]),
    ):
        figure.add_bar(name=name, x=[label for label, _ in designs], y=dollars, marker_color=colour)
    figure.update_layout(barmode="stack")
    figure.update_yaxes(title="USD", tickprefix="$")
    choice, training = plan.choice, plan.problem.training
    affordable = training.affordable_tokens(choice.params.active, choice.training.mfu, choice.params.router)
    limit = affordable * training.usd_per_token(choice.params.active, choice.training.mfu)
    if limit < 4 * max(one.total_usd for _, one in designs):
        figure.add_hline(
            y=limit, line={"color": INK, "dash": "dot", "width": 1}, annotation_text="training budget"
        )
    return styled(figure, f"Cost of a loss of {plan.choice.loss.value:.3f} by family")


def parts_figure(estimate: ServingEstimate) -> go.Figure:
    """Seconds of one output token by cause, without causes that take nothing."""
    parts = sorted(((cause, s) for cause, s in estimate.parts.items() if s > 0), key=lambda part: part[1])
    figure = go.Figure(
        go.Bar(
            x=[1e3 * seconds for _, seconds in parts],
            y=[cause.removesuffix("_s").replace("_", " ") for cause, _ in parts],
            orientation="h",
            marker_color="#0e7490",
        )
    )
    figure.update_xaxes(title="ms per output token")
    return styled(figure, "What a decoded token waits for")


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
                marker_color=ACCENT if other else "#0e7490",
                hovertext=f"{words}: {family_words(one.family)}, ${one.total_usd:,.0f}",
                hoverinfo="text",
                showlegend=False,
            )
    figure.add_vline(x=today, line={"color": INK, "width": 1})
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title="total USD of the design that is then the choice", tickprefix="$")
    return styled(figure, "What one input would change (orange: another family)")


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
