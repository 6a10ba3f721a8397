"""The page of a sweep: where its runs are, their losses against what they took, and their curves."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from optimoe.core.run import CurvePoint, RunRecord
from optimoe.report.pages.figures.style import ACCENT, MUTED, colours, log_axis, styled
from optimoe.report.pages.page import Page, Section, render
from optimoe.report.words.runs.sweep import states_table, sweep_sentence
from optimoe.trainer.sweep.store import RunState

MOST_CURVES, MOST_OF_A_CURVE = 24, 80
"""Curves of a figure, those of the lowest losses, and points of one: more are not told apart."""

MOST_NAMED = 8
"""Curves that a legend names; of more the names stand at the curves, where one points at them."""


def sweep_page(states: Sequence[RunState], records_file: Path) -> str:
    """The whole page; figures and their library inside.

    Args:
        states: Where every run is.
        records_file: Where their whole records are.
    """
    records = [one.record for one in states if one.record is not None]
    ended = [record for record in records if record.loss is not None]
    page = Page(
        title=f"{len(states)} runs of {records_file.parent.name}",
        decision=sweep_sentence(states),
        answer=[],
        sections=[
            Section(title="Losses", figures=[losses_figure(ended), curves_figure(ended)] if ended else []),
            Section(title="Runs", table=states_table(states)),
            Section(
                title="What went wrong",
                texts=[f"{one.run.name}: {one.failure.line}" for one in states if one.failure],
                careful=True,
            ),
            Section(title="What this rests on", texts=[*sources(records), f"whole records: {records_file}"]),
        ],
    )
    return render(page)


def losses_figure(records: Sequence[RunRecord]) -> go.Figure:
    """Held-out loss against training FLOPs; the line joins the lowest loss up to each budget."""
    figure, found = go.Figure(), sorted(records, key=lambda record: record.train_flops)
    losses = [record.loss or 0.0 for record in found]
    lowest = [min(losses[: number + 1]) for number in range(len(losses))]
    flops = [record.train_flops for record in found]
    line = {"color": MUTED, "width": 1, "shape": "hv"}
    figure.add_scatter(x=flops, y=lowest, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=flops,
        y=losses,
        mode="markers",
        marker={"color": ACCENT, "size": 8},
        text=[record.run.name for record in found],
        showlegend=False,
    )
    figure.update_xaxes(title="training FLOPs, counted", **log_axis(flops))
    figure.update_yaxes(title="held-out loss, nats per token")
    rows = [(record.run.name, f"{record.train_flops:.4g}", f"{record.loss:.4f}") for record in found]
    return styled(figure, "Held-out loss against training FLOPs", numbers=[("run", "FLOPs", "loss"), *rows])


def curves_figure(records: Sequence[RunRecord]) -> go.Figure:
    """Loss along each run against its tokens, those of the lowest losses where there are many."""
    figure = go.Figure()
    drawn = sorted((one for one in records if one.curve), key=lambda record: record.loss or 0.0)[:MOST_CURVES]
    for colour, record in zip(colours(len(drawn)), drawn, strict=True):
        points = thinned(record.curve)
        figure.add_scatter(
            x=[point.tokens for point in points],
            y=[point.loss for point in points],
            mode="lines",
            name=record.run.name,
            line={"color": colour, "width": 2 if len(drawn) <= MOST_NAMED else 1},
            showlegend=len(drawn) <= MOST_NAMED,
        )
    figure.update_xaxes(title="tokens", **log_axis([point.tokens for one in drawn for point in one.curve]))
    figure.update_yaxes(title="loss, nats per token")
    return styled(figure, "Loss along the runs", numbers=())


def thinned(curve: Sequence[CurvePoint]) -> Sequence[CurvePoint]:
    """A curve without most of its points, its last one kept, and without those before the first token."""
    points = [point for point in curve if point.tokens > 0]
    step = -(-len(points) // MOST_OF_A_CURVE)
    return points[::-1][:: max(step, 1)][::-1]


def sources(records: Sequence[RunRecord]) -> list[str]:
    """What the runs were trained on and with, each said once."""
    told = {
        "corpus": [f"{one.tokenizer}, {sum(one.num_tokens.values()):,} tokens"
                   for record in records for one in record.corpora],
        "device": [record.device for record in records],
        "software": [", ".join(f"{name} {version}" for name, version in one.versions.items()) for one in records],
        "dates": [record.ended_utc[:10] for record in records],
    }  # fmt: skip
    once = {name: list(dict.fromkeys(filter(None, texts))) for name, texts in told.items()}
    return [f"{name}: {'; '.join(texts)}" for name, texts in once.items() if texts]
