"""``optimoe laws fit``: a law from a table of runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show
from optimoe.inputs.laws.fit import FitRequest


def fit(
    request: FitRequest,
    *,
    out: Annotated[Path | None, Parameter(help="Write the law file here, for --law.")] = None,
    json: JsonFlag = False,
) -> None:
    """Fit a family of laws to a table of runs."""
    from optimoe.laws.fitting import bootstrap, hold_out, save_law
    from optimoe.laws.fitting import fit as fit_law
    from optimoe.report.records.laws.fits import fit_record
    from optimoe.report.words.law_prose import fit_lines

    runs = request.observations()
    fitted = fit_law(runs, request.family, request.options(), name=request.name)
    intervals = {}
    if request.resamples:
        drawn = bootstrap(runs, fitted, resamples=request.resamples, cluster=request.cluster, seed=request.seed)
        intervals = drawn.intervals(request.level)
    test = hold_out(runs, request.family, request.holdout, fitted.options) if request.holdout else None
    if out is not None:
        save_law(fitted.law, out)
    show(json, lambda: fit_record(fitted, intervals, test), lambda: fit_lines(fitted, intervals, test))
