"""``optimoe laws isoflop``: the best size at each budget, by parabolas through runs and by laws."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.inputs.laws.optima import IsoFlopRequest


def isoflop(request: IsoFlopRequest, *, json: JsonFlag = False) -> None:
    """Best size at each budget: a parabola through the runs around the minimum, beside the optimum of laws."""
    from optimoe.laws.fitting import analyse_isoflop
    from optimoe.report.records.laws.optima import isoflop_record
    from optimoe.report.words.laws.optima import isoflop_lines, isoflop_table

    runs = request.observations()
    laws = request.rows(runs)
    analysis = analyse_isoflop(
        runs,
        laws,
        budgets=request.budget_label,
        window=request.window,
        tolerance=request.tolerance,
        resamples=request.resamples,
        level=request.level,
        seed=request.seed,
    )
    if json:
        print_json(isoflop_record(analysis, laws))
        return
    print_columns(isoflop_table(analysis))
    print_lines(isoflop_lines(analysis, {law.name: law.evidence.verdict or "sound" for law in laws}))
