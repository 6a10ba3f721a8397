"""``optimoe train``: the runs of a file, one after another."""

import os

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.cli.training.progress import shown_on_terminal
from optimoe.app.notes import warn
from optimoe.inputs.runs.train import TrainRequest


def train(
    request: TrainRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Train runs: text to weights and a record. An interrupted run goes on; one that is over is left as it is."""
    first = os.environ.get("RANK", "0") == "0"  # torchrun's other processes have nothing to add
    done = request.trained(shown_on_terminal, warn if first else lambda _: None)
    if not first:
        return
    from optimoe.report.records.runs.trained import trained_runs_record
    from optimoe.report.words.runs.trained import trained_blocks
    from optimoe.trainer.results.folder import RECORDS
    from optimoe.trainer.steps.step import DivergedError

    records, found = request.out / RECORDS, [(one.folder, one.record) for one in done]
    show_blocks(
        json,
        lambda: trained_runs_record(records, found),
        lambda: trained_blocks(records, found),
        quiet=quiet,
    )
    diverged = [record.run.name for _, record in found if record.status == "diverged"]
    if diverged:
        raise DivergedError(f"{', '.join(diverged)}: diverged: lower schedule.peak_rate or optimizer.clip_norm")
