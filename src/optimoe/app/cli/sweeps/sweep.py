"""``optimoe sweep``: all runs of a file or of grids, as many at once as the machine can."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks, suggest
from optimoe.app.notes import warn
from optimoe.core.errors import InfeasibleError, InputError
from optimoe.inputs.sweeps.sweep import SweepRequest

if TYPE_CHECKING:
    from optimoe.trainer.sweep.pace import SweepEstimate

app = App(name="sweep", help="Many runs: all of a grid, once each, on all cores or GPUs.")
app.command("optimoe.app.cli.sweeps.store:status", help="Where the runs of a sweep are.")
app.command("optimoe.app.cli.sweeps.store:retry", help="Let runs that were given up be done again.")

app.command("optimoe.app.cli.sweeps.store:export", help="Records as CSV, Parquet or JSON lines.")
app.command("optimoe.app.cli.sweeps.store:compare", help="A variant against a baseline: effective speed-up.")

YesFlag = Annotated[bool, Parameter(negative="", help="Begin without being asked.")]


@app.default
def sweep(
    request: SweepRequest,
    *,
    yes: YesFlag = False,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Do the runs of a file or of grids that are not over yet; given again, what is missing and nothing twice."""
    from optimoe.app.cli.sweeps.live import shown
    from optimoe.report.records.runs.sweep import sweep_record
    from optimoe.report.words.runs.sweep import estimate_words, sweep_blocks

    def confirm(estimate: "SweepEstimate") -> bool:
        warn(f"sweep: {estimate_words(estimate)}")
        if yes:
            return True
        if not sys.stdin.isatty():
            raise InputError("--yes: must be given where nobody can be asked")
        print("optimoe: begin? [y/N] ", end="", file=sys.stderr, flush=True)
        return input().strip().lower() in ("y", "yes")

    with shown(quiet) as (look, say):
        outcome = request.swept(confirm, look, say)
    states, store = outcome.states, outcome.store
    show_blocks(
        json,
        lambda: sweep_record(store, states, outcome.reckoning),
        lambda: sweep_blocks(store, states, outcome.reckoning),
        quiet=quiet,
    )
    if not json and not quiet:
        suggest(f"optimoe laws fit {store.records_file} --family … --out ours.toml")
    bad = [one.run.name for one in states if one.state in ("failed", "diverged")]
    if bad:
        raise InfeasibleError(f"{', '.join(bad)}: failed or diverged (optimoe sweep status {store.path})")
