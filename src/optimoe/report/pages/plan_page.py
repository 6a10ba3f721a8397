"""The page of a plan, in one file that opens offline, and the files of its winner."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from optimoe.core.files import write_owned
from optimoe.core.records import to_json
from optimoe.planner.confidence.overtraining import size_curve
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.result import Plan
from optimoe.report.launch.winner import PLAN_FILES, winner_files
from optimoe.report.pages.doubt_figures import contending_figure, shadow_figure
from optimoe.report.pages.figures import front_figure, parts_figure, size_figure, tornado_figure, total_figure
from optimoe.report.pages.style import render
from optimoe.report.records.plan.plan import plan_record
from optimoe.report.records.schema import document
from optimoe.report.words.plan.alternatives import alternatives_table
from optimoe.report.words.plan.choice import choice_lines
from optimoe.report.words.plan.confidence import laws_sentences, robustness_sentences
from optimoe.report.words.plan.headline import subtitle, title
from optimoe.report.words.plan.question import question_lines
from optimoe.report.words.plan.scored import lab_lines, scored_lines


def write_plan(
    plan: Plan, folder: Path, robustness: Robustness | None = None, *, force: bool = False
) -> list[Path]:
    """Write plan.html, plan.json and the winner for trainers and engines, with its proxies.

    Files of an earlier plan's winner that this one has none of are removed.

    Args:
        plan: The plan.
        folder: Where to; it is made where it is not there.
        robustness: How sure the plan is, where it was asked.
        force: Whether files of others are overwritten.

    Raises:
        InputError: The folder cannot be written, or a file there is not from here or was changed since.
    """
    winner = winner_files(plan)
    contents = {
        "plan.html": plan_page(plan, robustness, files=[f"winner/{name}" for name in winner]),
        "plan.json": to_json(document(plan_record(plan, robustness))) + "\n",
        **{f"winner/{name}": text for name, text in winner.items()},
    }
    return write_owned(folder, contents, stale=PLAN_FILES, force=force)


def plan_page(plan: Plan, robustness: Robustness | None = None, files: Sequence[str] = ()) -> str:
    """The whole page; figures and their library inside.

    Args:
        plan: The plan.
        robustness: How sure it is, where that was asked.
        files: Paths of what is written beside the page.
    """
    figures = [total_figure(plan), parts_figure(plan.choice.serving)]
    if plan.front:
        figures.insert(0, front_figure(plan))
    if curve := size_curve(plan):
        figures.append(size_figure(plan, curve))
    if robustness is not None:
        figures += doubt_figures(plan, robustness)
    return render(
        "plan.html",
        figures,
        title=title(plan),
        lead=subtitle(plan),
        answer=[*question_lines(plan.problem), *choice_lines(plan)],
        careful=plan.warnings,
        reasons=plan.reasons,
        scored=scored_lines(plan),
        labs=lab_lines(plan),
        sure=robustness_sentences(plan, robustness) if robustness else [],
        laws=laws_sentences(plan),
        alternatives=alternatives_table(plan),
        files=["plan.json", *files],
        assumptions=plan.assumptions,
    )


def doubt_figures(plan: Plan, robustness: Robustness) -> list[go.Figure]:
    """What contends with the choice, what its limits are worth, and what one input would change."""
    figures = []
    if robustness.contending is not None:
        figures.append(contending_figure(robustness.contending))
    if robustness.shadow_prices:
        figures.append(shadow_figure(robustness.shadow_prices, "gpu_hours" if plan.problem.owned else "usd"))
    return [*figures, tornado_figure(plan, robustness)]
