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
from optimoe.report.pages.figures.doubts import contending_figure, drawn_shares, draws_figure, shadow_figure
from optimoe.report.pages.figures.plan import front_figure, parts_figure, size_figure, tornado_figure, total_figure
from optimoe.report.pages.page import Page, Section, render, rests_on
from optimoe.report.records.plan.plan import plan_record
from optimoe.report.records.schema import document
from optimoe.report.words.plan.alternatives import alternatives_table, by_law_table
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
    sections = [
        Section(title="Beside it", table=alternatives_table(plan), marked=True),
        Section(title="By law", table=by_law_table(plan) if plan.by_law else None, marked=True),
        Section(title="Why", texts=plan.reasons),
        Section(title="Models of your own", texts=scored_lines(plan)),
        Section(title="Loss and dollars", figures=figures),
        *([_how_sure(plan, robustness)] if robustness else []),
        Section(
            title="What other laws would train",
            about="Losses of different laws are on different corpora and are not compared.",
            texts=laws_sentences(plan),
        ),
        Section(title="Labs at this budget", about="For reference.", texts=lab_lines(plan)),
        Section(title="What to be careful about", texts=plan.warnings, careful=True),
        Section(title="Files", links=["plan.json", *files]),
        rests_on(plan.assumptions),
    ]
    answer = [*question_lines(plan.problem), *choice_lines(plan)]
    return render(Page(title=title(plan), decision=subtitle(plan), answer=answer, sections=sections))


def _how_sure(plan: Plan, robustness: Robustness) -> Section:
    """How sure a plan is: in figures, then in words."""
    sentences = robustness_sentences(plan, robustness)
    return Section(title="How sure", figures=doubt_figures(plan, robustness), texts=sentences)


def doubt_figures(plan: Plan, robustness: Robustness) -> list[go.Figure]:
    """Who wins over draws, what contends with the choice, what limits are worth, what one input would change."""
    figures = []
    if shares := drawn_shares(robustness):
        figures.append(draws_figure(shares))
    if robustness.contending is not None:
        figures.append(contending_figure(robustness.contending))
    if robustness.shadow_prices:
        figures.append(shadow_figure(robustness.shadow_prices, "gpu_hours" if plan.problem.owned else "usd"))
    return [*figures, tornado_figure(plan, robustness)]
