"""``optimoe laws fit``: a law from a table of runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import show_blocks, suggest
from optimoe.app.replies import fits
from optimoe.core.errors import InputError
from optimoe.inputs.laws.corpora import CorporaRequest
from optimoe.inputs.laws.fit import FitRequest

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
    from optimoe.laws.fitting import predict_runs, save_law
    from optimoe.report.tables.predictions import predictions_csv

    if predictions is not None and not request.resamples:
        raise InputError("--predictions: needs --resamples, which make the band")
    if table is not None and table.suffix not in TABLES:
        raise InputError(f"--table: must end in {' or '.join(TABLES)}, got {table}")
    found = fits.fit(request)
    runs, fitted, drawn = found.runs, found.fitted, found.drawn
    if out is not None:
        save_law(found.law, out)
    if predictions is not None and drawn:
        band = predict_runs(runs, fitted, drawn, level=request.level, seed=request.seed)
        write_text(predictions, predictions_csv(runs, fitted, band))
    _write_views(found, table, page)
    show_blocks(json, found.reply.record, found.reply.blocks, quiet=quiet)
    if not json and not quiet:
        suggest(f"optimoe plan --law {out} …" if out else "optimoe laws fit … --out ours.toml")


def _write_views(found: fits.FittedRuns, table: Path | None, page: Path | None) -> None:
    """Write the coefficients as a table, and the page of residuals, where a place for them is stated."""
    from optimoe.core.files import write_text

    if table is not None:
        from optimoe.report.tables.coefficients import coefficients_csv, coefficients_latex

        writer = coefficients_latex if table.suffix == ".tex" else coefficients_csv
        write_text(table, writer(found.fitted, found.intervals))
    if page is not None:
        write_text(page, found.page())
