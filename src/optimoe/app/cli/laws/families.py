"""``optimoe laws compare-families``: families by their error on runs that they have not seen."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.inputs.laws.tests import CompareFamiliesRequest


def compare_families(request: CompareFamiliesRequest, *, json: JsonFlag = False) -> None:
    """Families of laws by cross-validated error, AIC and BIC on one table of runs."""
    from optimoe.laws.fitting import FitOptions
    from optimoe.laws.fitting import compare_families as compare
    from optimoe.report.records.laws.tests import scores_record
    from optimoe.report.words.laws.tests import scores_lines, scores_table

    scores = compare(
        request.observations(),
        request.family,
        options=FitOptions(objective=request.minimised()),
        folds=request.folds,
        cluster=request.cluster,
        holdout=request.holdout,
        seed=request.seed,
    )
    if json:
        print_json(scores_record(scores))
        return
    print_columns(scores_table(scores))
    print_lines(scores_lines(scores))
