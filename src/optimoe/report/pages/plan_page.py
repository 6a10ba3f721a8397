"""The page of a plan, in one file that opens offline, and the files of its winner."""

from pathlib import Path
from typing import Any

from optimoe.core.files import write_owned
from optimoe.core.records import to_json
from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.overtraining import size_curve
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.explain.reasons import family_words, layer_words
from optimoe.planner.result import Plan
from optimoe.report.launch.winner import PLAN_FILES, winner_files
from optimoe.report.pages.figures import front_figure, parts_figure, size_figure, tornado_figure, total_figure
from optimoe.report.pages.style import render
from optimoe.report.records.plan.plan import plan_record
from optimoe.report.records.schema import document
from optimoe.report.words.plan.choice import choice_lines
from optimoe.report.words.plan.confidence import laws_sentences, robustness_sentences
from optimoe.report.words.plan.question import question_lines
from optimoe.report.words.plan.scored import lab_lines, scored_lines
from optimoe.report.words.plan.shapes import shape_words

_HEADS = (
    "kind", "active", "total", "layers × width", "tokens",
    "training", "serving, per M", "TPOT", "total cost", "budget",
)  # fmt: skip


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
    contents = {
        "plan.html": plan_page(plan, robustness),
        "plan.json": to_json(document(plan_record(plan, robustness))) + "\n",
        **{f"winner/{name}": text for name, text in winner_files(plan).items()},
    }
    return write_owned(folder, contents, stale=PLAN_FILES, force=force)


def plan_page(plan: Plan, robustness: Robustness | None = None) -> str:
    """The whole page; figures and their library inside."""
    figures = [total_figure(plan), parts_figure(plan.choice.serving)]
    if plan.front:
        figures.insert(0, front_figure(plan))
    if curve := size_curve(plan):
        figures.append(size_figure(plan, curve))
    if robustness is not None:
        figures.append(tornado_figure(plan, robustness))
    return render(
        "plan.html",
        figures,
        title="Train " + shape_words(plan.choice.spec, plan.choice.params).split(" · ")[0],
        lead=f"{format_count(plan.choice.tokens)} tokens, {plan.choice.loss.value:.3f} nats per token, "
        f"{format_usd(plan.choice.total_usd)} over its life",
        answer=[*question_lines(plan.problem), *choice_lines(plan)],
        careful=plan.warnings,
        reasons=plan.reasons,
        scored=scored_lines(plan),
        labs=lab_lines(plan),
        sure=robustness_sentences(plan, robustness) if robustness else [],
        laws=laws_sentences(plan),
        alternatives={"heads": _HEADS, "rows": _rows(plan)},
        assumptions=plan.assumptions,
    )


def _rows(plan: Plan) -> list[dict[str, Any]]:
    rows = []
    for item in plan.by_family:
        cells = [family_words(item.family)]
        cells += _cells(plan, item.candidate) if item.candidate else ["does not meet the limits"]
        rows.append({"chosen": item.candidate is plan.choice, "cells": cells})
    for own in plan.scored:
        cells = [", ".join([own.spec.name, *layer_words(own.family)])]
        cells += _cells(plan, own.candidate) if own.candidate else [own.not_ranked or "does not meet the limits"]
        rows.append({"chosen": False, "cells": cells})
    return rows


def _cells(plan: Plan, design: Candidate) -> list[str]:
    return [
        format_count(design.params.active),
        format_count(design.params.total),
        f"{design.spec.num_layers} × {design.spec.d_model}",
        format_count(design.tokens),
        format_usd(design.train_usd),
        format_usd(design.usd_per_mtok),
        format_seconds(design.tpot_s) if design.deployment.workload.decodes else "–",
        format_usd(design.total_usd),
        "over" if plan.over_budget(design) else "within",
    ]
