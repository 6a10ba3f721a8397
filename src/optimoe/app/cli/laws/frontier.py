"""``optimoe laws frontier``: the best size and tokens at each budget, by laws."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.inputs.laws.optima import FrontierRequest


def frontier(request: FrontierRequest = FrontierRequest(), *, json: JsonFlag = False) -> None:  # noqa: B008 (frozen)
    """Best size and tokens at C = 6ND for every budget, by laws or by a fit to runs, with intervals from draws."""
    from optimoe.laws.fitting import find_frontier
    from optimoe.report.records.laws.optima import frontiers_record
    from optimoe.report.words.laws.optima import frontier_lines, frontier_table

    budgets, others = request.budgets(), request.others()
    laws = request.rows(request.found_runs())
    found = [find_frontier(law, budgets, others=others, level=request.level) for law in laws]
    if json:
        print_json(frontiers_record(found, laws))
        return
    for one in found:
        print_columns(frontier_table(one))
        print_lines(frontier_lines(one))
