"""``optimoe laws fit``: a law from a table of runs."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import show, stage
from optimoe.core.errors import InputError
from optimoe.inputs.laws.corpora import CorporaRequest
from optimoe.inputs.laws.fit import FitRequest

if TYPE_CHECKING:
    from optimoe.laws.fitting import Fit, Interval
    from optimoe.laws.runs import Observations
    from optimoe.report.words.lines import Lines

ONE_CORPUS = CorporaRequest()
"""Nothing stated beyond one table of runs."""

Predictions = Annotated[
    Path | None, Parameter(help="Write a CSV here: every run with the law's prediction and its bands.")
]
Table = Annotated[Path | None, Parameter(help="Write the coefficients here: .tex (LaTeX) or .csv.")]
TABLES = (".tex", ".csv")


def fit(
    request: FitRequest,
    corpora: CorporaRequest = ONE_CORPUS,
    *,
    out: Annotated[Path | None, Parameter(help="Write the law file here, for --law.")] = None,
    predictions: Predictions = None,
    table: Table = None,
    page: PageFile = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Fit a family of laws to a table of runs, or to several corpora at once."""
    corpora.require_alone(request)
    if corpora.stated:
        from optimoe.app.cli.laws.corpora import fit_corpora

        for option, path in (("--predictions", predictions), ("--table", table), ("--page", page)):
            if path is not None:
                raise InputError(f"{option}: not with --group or --prior")
        fit_corpora(request, corpora, out, json, quiet)
        return
    from optimoe.core.files import write_text
    from optimoe.laws.fitting import bootstrap, documented, hold_out, predict_runs, save_law
    from optimoe.laws.fitting import fit as fit_law
    from optimoe.report.records.laws.fits import fit_record
    from optimoe.report.tables.predictions import predictions_csv
    from optimoe.report.words.law_prose import fit_lines

    if predictions is not None and not request.resamples:
        raise InputError("--predictions: needs --resamples, which make the band")
    if table is not None and table.suffix not in TABLES:
        raise InputError(f"--table: must end in {' or '.join(TABLES)}, got {table}")
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
    if out is not None:
        save_law(documented(fitted, drawn, test, date=date.today().isoformat()), out)
    if predictions is not None and drawn:
        band = predict_runs(runs, fitted, drawn, level=request.level, seed=request.seed)
        write_text(predictions, predictions_csv(runs, fitted, band))
    lines = fit_lines(fitted, intervals, test, coverage)
    _write_views(fitted, runs, intervals, lines, table, page)
    show(json, lambda: fit_record(fitted, intervals, test, coverage), lambda: lines, quiet=quiet)


def _write_views(
    fitted: "Fit",
    runs: "Observations",
    intervals: "Mapping[str, Interval]",
    lines: "Lines",
    table: Path | None,
    page: Path | None,
) -> None:
    """Write the coefficients as a table, and the page of residuals, where a place for them is stated."""
    from optimoe.core.files import write_text

    if table is not None:
        from optimoe.report.tables.coefficients import coefficients_csv, coefficients_latex

        writer = coefficients_latex if table.suffix == ".tex" else coefficients_csv
        write_text(table, writer(fitted, intervals))
    if page is not None:
        from optimoe.report.pages.fit_page import fit_page

        write_text(page, fit_page(runs, fitted, lines, intervals))
