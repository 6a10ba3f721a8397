"""Answers about runs: a law fitted to them, and a law brought to their level."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from optimoe.app.replies.reply import Reply
from optimoe.app.waiting import stage
from optimoe.inputs.laws.corpora import AnchorRequest
from optimoe.inputs.laws.fit import FitRequest

if TYPE_CHECKING:
    from optimoe.laws.fitting import Fit, Interval, Resamples
    from optimoe.laws.law import LawRow
    from optimoe.laws.runs import Observations
    from optimoe.report.words.lines import Lines


@dataclass(frozen=True, kw_only=True)
class FittedRuns:
    """A law that was fitted to runs.

    Attributes:
        runs: They.
        fitted: The fit.
        drawn: Refits to runs drawn anew; none where none were asked for.
        intervals: Of each coefficient, at the level that was asked for; none without refits.
        law: The law with its evidence and its draws, for a law file.
        page: Makes the report: residuals by every variable.
        reply: Its record and words.
    """

    runs: "Observations"
    fitted: "Fit"
    drawn: "Resamples | None"
    intervals: "Mapping[str, Interval]"
    law: "LawRow"
    page: Callable[[], str]
    reply: Reply


@dataclass(frozen=True, kw_only=True)
class AnchoredRuns:
    """A law that was brought to the level of runs.

    Attributes:
        law: It, with the day on which it was made.
        reply: Its record and words.
    """

    law: "LawRow"
    reply: Reply


def fit(request: FitRequest) -> FittedRuns:
    """A family of laws fitted to a table of runs."""
    from optimoe.laws.catalog import law_file_text
    from optimoe.laws.fitting import bootstrap, documented, hold_out
    from optimoe.laws.fitting import fit as fit_law
    from optimoe.laws.fitting.residuals import run_residuals
    from optimoe.report.records.laws.fits import fit_record
    from optimoe.report.words.law_prose import fit_lines

    with stage("reading the runs"):
        runs, options = request.observations(), request.options()
    with stage(f"fitting {len(runs):,} runs"):
        fitted = fit_law(runs, request.family, options, name=request.name)
    with stage(f"{request.resamples} refits for the intervals"):
        drawn = bootstrap(runs, fitted, **request.draws()) if request.resamples else None
    intervals = drawn.intervals(request.level) if drawn else {}
    test = hold_out(runs, request.family, request.holdout, options) if request.holdout else None
    with stage("counting how many runs the band holds"):
        coverage = request.coverage(runs)

    def lines() -> "Lines":
        return fit_lines(fitted, intervals, test, coverage)

    def page() -> str:
        from optimoe.report.pages.laws.fit_page import fit_page

        return fit_page(runs, fitted, lines(), intervals)

    law = documented(fitted, drawn, test, date=date.today().isoformat())
    record = partial(fit_record, fitted, intervals, test, coverage, run_residuals(runs, fitted.law))
    return FittedRuns(
        runs=runs,
        fitted=fitted,
        drawn=drawn,
        intervals=intervals,
        law=law,
        page=page,
        reply=Reply(record=record, blocks=lambda: [lines()], page=page, law_file=lambda: law_file_text(law)),
    )


def anchor(request: AnchorRequest) -> AnchoredRuns:
    """A law on the level of one's own runs."""
    from optimoe.laws.catalog import find_family, find_law, law_file_text
    from optimoe.laws.fitting.anchoring import anchor as anchor_law
    from optimoe.laws.fitting.residuals import run_residuals
    from optimoe.laws.gradients import required_variables
    from optimoe.report.records.laws.corpora import anchored_record
    from optimoe.report.words.laws.corpora import anchored_lines

    base = find_law(request.law)
    runs = request.table.observations_of(required_variables(find_family(base.row.family)))
    with stage(f"anchoring on {len(runs):,} runs"):
        found = anchor_law(base, runs, draws=request.draws, name=request.name, seed=request.seed)
    law = replace(found.law, evidence=replace(found.law.evidence, date=date.today().isoformat()))
    reply = Reply(
        record=lambda: anchored_record(found, run_residuals(runs, found.law)),
        blocks=lambda: [anchored_lines(found)],
        law_file=lambda: law_file_text(law),
    )
    return AnchoredRuns(law=law, reply=reply)
