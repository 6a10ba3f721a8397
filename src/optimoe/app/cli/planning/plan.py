"""``optimoe plan``: which model to train."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import print_lines, show_blocks, suggest
from optimoe.app.replies import planning
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
    from optimoe.report.launch.winner import PLAN_FILES
    from optimoe.report.words.plan.choice import check_lines

    written = out is not None or not json
    if written:
        require_owned(out or Path(), PLAN_FILES, force=bool(force))
    planned = planning.plan(request, quick=bool(quick), explain=bool(explain))
    show_blocks(json, planned.reply.record, planned.reply.blocks, quiet=quiet)
    if written:
        from optimoe.report.pages.plan_page import write_plan

        files = write_plan(planned.plan, out or Path(), planned.robustness, force=bool(force))
        if not json and not quiet:
            print()
            made = ("Files", "  ".join(str(file) for file in files))
            print_lines([*check_lines(planned.plan, out or Path()), made])
            suggest(*(f"optimoe sweep {path}" for path in files if path.name == "proxies.toml"))
