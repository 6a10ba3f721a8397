"""``optimoe laws fit``, ``compare`` and ``decide``: laws from runs, and what laws say of one design or budget."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show
from optimoe.inputs.laws import CompareLawsRequest, DecideRequest, FitRequest


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


def compare(request: CompareLawsRequest, *, json: JsonFlag = False) -> None:
    """One design under every law that covers it, as differences to each law's own dense model."""
    from optimoe.laws.compare import compare as compare_laws
    from optimoe.report.records.laws.comparison import law_comparison_record
    from optimoe.report.words.law_prose import comparison_lines

    comparison = compare_laws(request.spec(), request.tokens, request.laws or ())
    show(json, lambda: law_comparison_record(comparison), lambda: comparison_lines(comparison))


def decide(request: DecideRequest, *, json: JsonFlag = False) -> None:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter."""
    from optimoe.laws.compare import compare_decisions
    from optimoe.report.records.laws.comparison import decisions_record

    verdicts = compare_decisions(request.train_flops, request.laws or ())
    show(
        json,
        lambda: decisions_record(request.train_flops, verdicts),
        lambda: [(verdict.question.replace("_", " "), verdict.words) for verdict in verdicts],
    )
