"""The figures of docs/experiment.md: losses by the number of experts, and what laws say of the runs held out.

    python examples/yun2024/figures.py    # both, from the records of examples/yun2024/measured

Kaleido (``pip install 'optimoe[figures]'``) draws them, with the Chrome of the machine.
"""

import os
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

import optimoe
from optimoe.core.units import format_count
from optimoe.inputs.laws.tests import BackTestRequest
from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.loss_law import LossLaw
from optimoe.laws.runs import DesignRuns, load_design_runs
from optimoe.report.pages.figures.style import by_itself, colours, styled
from optimoe.report.pages.laws.back_test_page import best_ways, measured_figure

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "examples" / "yun2024" / "measured" / "records.jsonl"
HELD_OUT = "D > 6e6 and N_dense > 5e5"
"""The runs of the largest width on most tokens."""
SEEN = "D < 6e6 or N_dense < 5e5"
FAMILY = "expansion"
"""The family whose fit is drawn through the losses."""
LAWS, FAMILIES = ["optimoe2026"], [FAMILY, "ludziejewski", "yun"]
"""What is drawn of the runs held out: a law that is brought to others, and families that are fitted to them."""
PAPER = "#ffffff"
SIZE = {"width": 1000, "height": 440, "scale": 1.6}
"""Of a file: pixels of the figure, and pixels of the screen for each."""


def losses_figure(runs: DesignRuns, law: LossLaw) -> go.Figure:
    """Loss against E, a panel for each number of tokens: a point for each run, a line by the law."""
    panels = np.unique(runs.observations.column("D"))
    widths = np.unique([arch.d_model for arch in runs.archs])
    figure = make_subplots(
        rows=1,
        cols=len(panels),
        shared_yaxes=True,
        subplot_titles=[f"{format_count(float(panel))} tokens" for panel in panels],
        horizontal_spacing=0.02,
    )
    for column, tokens in enumerate(panels, 1):
        for colour, width in zip(colours(len(widths)), widths, strict=True):
            for trace in _of_a_width(runs, law, float(tokens), int(width)):
                trace.update(legendgroup=str(width), showlegend=column == 1, marker={"color": colour, "size": 7})
                figure.add_trace(trace, row=1, col=column)
    marks = np.unique(runs.observations.column("E"))
    figure.update_xaxes(title="experts", type="log", tickvals=marks, ticktext=[f"{mark:g}" for mark in marks])
    figure.update_yaxes(title="held-out loss, nats per token", col=1)
    styled(figure, f"Loss by the number of experts, each seed a point, and {law.row.name}", numbers=())
    figure.update_annotations(font_size=13)
    return figure.update_layout(margin_t=80)  # the titles of the panels stand below its own


def _of_a_width(runs: DesignRuns, law: LossLaw, tokens: float, width: int) -> list[go.Scatter]:
    """The runs of a width on so many tokens, and what the law says of their models."""
    mine = (runs.observations.column("D") == tokens) & (np.array([arch.d_model for arch in runs.archs]) == width)
    own = runs.select(mine)
    experts, first = np.unique(own.observations.column("E"), return_index=True)
    losses = [float(law.arch_loss(own.archs[row], tokens)) for row in first]
    measured = {"x": own.observations.column("E"), "y": own.observations.loss}
    return [
        go.Scatter(**measured, mode="markers", name=f"width {width}"),
        go.Scatter(x=experts, y=losses, mode="lines", name=f"width {width} by the law"),
    ]


def held_out_figure(records: Path) -> go.Figure:
    """Measured against predicted loss of the runs held out, each law in its best way."""
    request = BackTestRequest(runs=(str(records),), holdout=HELD_OUT, law=LAWS, family=FAMILIES, anchors="16")
    found = request.tested(request.read())
    return measured_figure(best_ways(found), found.seed_spread)


def fitted_law(records: Path) -> LossLaw:
    """The family fitted to the runs that are not held out, as the page's command fits it."""
    fitted = optimoe.fit(str(records), FAMILY, where=SEEN, objective="auto")
    law = find_family(FAMILY)(fitted.law, find_law)
    assert isinstance(law, LossLaw)
    return law


def draw(records: Path, folder: Path) -> list[Path]:
    """Write both figures to a folder; the same files from the same records and browser."""
    figures = {
        "experiment-losses.png": losses_figure(load_design_runs([records]), fitted_law(records)),
        "experiment-held-out.png": held_out_figure(records),
    }
    for name, figure in figures.items():
        by_itself(figure).update_layout(paper_bgcolor=PAPER, plot_bgcolor=PAPER)
        figure.write_image(folder / name, **SIZE)
    return [folder / name for name in figures]


if __name__ == "__main__":
    for path in draw(RECORDS, ROOT / "docs"):
        print(os.path.relpath(path))
