"""``optimoe laws next-runs``: which runs to do next."""

from math import log

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.app.waiting import stage
from optimoe.core.errors import InputError
from optimoe.inputs.sweeps.next_runs import NextSweepRequest


def next_runs(request: NextSweepRequest, *, json: JsonFlag = False) -> None:
    """Runs that shrink the uncertainty of a law, a loss or a best size most for their cost."""
    from optimoe.laws.catalog import find_family
    from optimoe.laws.fitting import find_frontier, fit
    from optimoe.laws.fitting import next_runs as choose
    from optimoe.laws.fitting.answers.next_runs import costs_of
    from optimoe.report.records.laws.tests import next_runs_record
    from optimoe.report.words.laws.tests import next_runs_lines, next_runs_table

    if request.criterion == "decision" and not request.at_flops:
        raise InputError("--at-flops: missing (criterion decision is the best size at that budget)")
    runs, others = request.observations(), request.others()
    with stage(f"fitting {len(runs):,} runs"):
        fitted = fit(runs, request.family, request.options())
    designs = request.designs(runs)
    costs = costs_of(designs, request.cost)
    with stage(f"choosing among {len(costs):,} designs"):
        found = choose(
            runs,
            fitted,
            designs,
            costs,
            request.budget,
            most=request.most,
            criterion=request.criterion,
            targets=request.targets() if request.criterion == "I" else None,
            decision=lambda law: log(
                find_frontier(law.row, [request.at_flops], others=others).points[0].params.value
            ),
        )
    losses = find_family(fitted.law.family)(fitted.law).loss(**designs)
    request.save_chosen(found.chosen)
    if json:
        print_json(next_runs_record(found, fitted, request.criterion, request.budget, designs, costs, losses))
        return
    print_columns(next_runs_table(found, designs, costs, losses))
    print_lines(next_runs_lines(found, fitted, request.criterion, request.budget, len(costs)))
    if request.out is not None:
        print_lines([("Runs", f"{request.out}, for optimoe sweep")])
