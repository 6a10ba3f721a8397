"""``optimoe plan``: which model to train."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import print_lines, show_blocks, warn, warn_without_price
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.quantities import Flag

Explain = Annotated[
    Flag,
    Parameter(help="Print also the chain of numbers from the inputs to the choice, with basis and source."),
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
Force = Annotated[
    Flag, Parameter(help="Overwrite files in the folder that are not from optimoe, or were changed since.")
]


def plan(
    request: PlanRequest = PlanRequest(),  # noqa: B008 (frozen)
    *,
    explain: Explain = False,
    quick: Quick = False,
    out: Out = None,
    force: Force = False,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Find the model to train, for a budget, a traffic and hardware."""
    from optimoe.core.files import require_owned
    from optimoe.planner.explain.chain import chain
    from optimoe.planner.plan import plan as solve
    from optimoe.report.launch.winner import PLAN_FILES
    from optimoe.report.records.plan.plan import plan_record
    from optimoe.report.words.chain_prose import chain_lines
    from optimoe.report.words.plan.answer import plan_blocks
    from optimoe.report.words.plan.choice import check_lines
    from optimoe.report.words.plan.scored import moves_table

    problem = request.problem()
    if not problem.lifetime_tokens:
        warn("traffic: none is stated, so that serving costs nothing: state --requests-per-s or --serve-tokens")
    priced = [(deployment.cluster.accelerator, deployment.price) for deployment in problem.deployments]
    priced.append((problem.training.accelerator, problem.training.price))
    for name, price in dict.fromkeys((accelerator.name, price) for accelerator, price in priced):
        warn_without_price(name, price, request.prices)
    written = out is not None or not json
    if written:
        require_owned(out or Path(), PLAN_FILES, force=bool(force))
    result = solve(problem)
    robustness = None
    if not quick:
        from optimoe.planner.confidence.robust import assess

        robustness = assess(result)
    links = chain(result) if explain else None
    changes = moves_table(result, result.scored[-1]) if request.scored.start else ""
    show_blocks(
        json,
        lambda: plan_record(result, robustness, links),
        lambda: [*plan_blocks(result, robustness), changes, chain_lines(links) if links else ""],
        quiet=quiet,
    )
    if written:
        from optimoe.report.pages.plan_page import write_plan

        files = write_plan(result, out or Path(), robustness, force=bool(force))
        if not json and not quiet:
            print()
            made = ("Files", "  ".join(str(file) for file in files))
            print_lines([*check_lines(result, out or Path()), made])
