"""``optimoe plan``: which model to train."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag
from optimoe.app.cli.printing import print_blocks, print_json, print_lines, warn_without_price
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.quantities import Flag

Explain = Annotated[
    Flag,
    Parameter(help="Print the chain of numbers from the inputs to the choice, each with its basis and source."),
]
Quick = Annotated[
    Flag, Parameter(help="Leave out how sure the choice is: draws of the law, and what each input would change.")
]
Out = Annotated[
    Path | None,
    Parameter(
        help="Folder for plan.html, plan.json and winner/ (the current one; with --json only where stated)."
    ),
]


def plan(
    request: PlanRequest = PlanRequest(),  # noqa: B008 (frozen)
    *,
    explain: Explain = False,
    quick: Quick = False,
    out: Out = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Find the model to train, for a budget, a traffic and hardware."""
    from optimoe.planner.confidence.robust import assess
    from optimoe.planner.explain.chain import chain
    from optimoe.planner.plan import plan as solve
    from optimoe.report.records.plan.plan import plan_record

    problem = request.problem()
    priced = [(deployment.cluster.accelerator, deployment.price) for deployment in problem.deployments]
    priced.append((problem.training.accelerator, problem.training.price))
    for name, price in dict.fromkeys((accelerator.name, price) for accelerator, price in priced):
        warn_without_price(name, price, request.prices)
    result = solve(problem)
    robustness = None if quick or explain else assess(result)
    if explain and not json:
        from optimoe.report.words.chain_prose import chain_lines

        print_lines(chain_lines(chain(result)))
        return
    if not json:
        from optimoe.report.words.plan.answer import plan_blocks

        print_blocks(plan_blocks(result, robustness))
    if out is not None or not json:
        from optimoe.report.pages.plan_page import write_plan

        files = write_plan(result, out or Path(), robustness)
        if not json:
            print("\n" + "  ".join(str(file) for file in files))
    if json:
        print_json(plan_record(result, robustness, chain(result) if explain else None))
