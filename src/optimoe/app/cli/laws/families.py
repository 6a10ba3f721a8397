"""``optimoe laws compare-families`` and ``back-test``: families and laws by their error on runs not seen."""

from optimoe.app.cli.options import JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines, show_blocks
from optimoe.app.waiting import stage
from optimoe.inputs.laws.tests import BackTestRequest, CompareFamiliesRequest


def compare_families(request: CompareFamiliesRequest, *, json: JsonFlag = False) -> None:
    """Families of laws by cross-validated error, AIC and BIC on one table of runs."""
    from optimoe.laws.fitting import FitOptions
    from optimoe.laws.fitting import compare_families as compare
    from optimoe.report.records.laws.tests import scores_record
    from optimoe.report.words.laws.tests import scores_lines, scores_table

    runs = request.observations()
    with stage(f"fitting {len(request.family)} families to {len(runs):,} runs"):
        scores = compare(
            runs,
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


def back_test(
    request: BackTestRequest, *, page: PageFile = None, quiet: QuietFlag = False, json: JsonFlag = False
) -> None:
    """Hold laws against runs that they have not seen: as they are, on the level of a few others, fitted to all."""
    from optimoe.report.records.laws.back_test import back_tests_record
    from optimoe.report.words.laws.back_test import back_test_blocks

    with stage("reading the runs"):
        runs = request.read()
    with stage(f"predicting some of {len(runs):,} runs"):
        found = request.tested(runs)
    if page is not None:
        from optimoe.core.files import write_text
        from optimoe.report.pages.laws.back_test_page import back_test_page

        write_text(page, back_test_page(found))
    show_blocks(json, lambda: back_tests_record(found), lambda: back_test_blocks(found), quiet=quiet)
