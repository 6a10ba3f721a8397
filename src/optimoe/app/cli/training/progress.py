"""How a run shows itself while it is trained: a bar on a terminal, else a line every tenth of the way."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optimoe.app.notes import warn
from optimoe.report.words.runs.trained import progress_words

if TYPE_CHECKING:
    from optimoe.core.run import RunSpec
    from optimoe.trainer.results.watching import StepReport, Watch

LINES = 10
"""Lines of one run that a file or a pipe gets."""


@contextmanager
def shown_on_terminal(run: "RunSpec") -> "Iterator[Watch]":
    """Show a run on standard error: a bar where that is a terminal, else a few lines."""
    if not sys.stderr.isatty():
        yield _lines(run.name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, words = bar.add_task(run.name, total=run.steps), _Words(run.name)
        yield lambda report: bar.update(task, completed=report.step, description=words(report))


def _lines(name: str) -> "Callable[[StepReport], None]":
    """What says a line each time that a tenth of the steps is done."""
    words, said = _Words(name), [0]

    def watch(report: "StepReport") -> None:
        done = report.step * LINES // report.steps
        text = words(report)
        if done > said[0]:
            said[0] = done
            warn(text)

    return watch


class _Words:
    """The line of a run, with the time that is left by the speed since it was begun or went on."""

    def __init__(self, name: str) -> None:
        self.name, self.began, self.first = name, time.monotonic(), -1

    def __call__(self, report: "StepReport") -> str:
        if self.first < 0:
            self.first = report.step - 1
        per_step = (time.monotonic() - self.began) / (report.step - self.first)
        return progress_words(
            self.name,
            share=report.step / report.steps,
            loss=report.loss,
            held_out=report.held_out,
            tokens_per_s=report.tokens_per_s,
            mfu=report.mfu,
            left_s=per_step * (report.steps - report.step),
        )
