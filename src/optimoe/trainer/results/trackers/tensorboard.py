"""A run's curves for TensorBoard, beside its own ``metrics.jsonl``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from optimoe.core.run import RunRecord, RunSpec
from optimoe.trainer.results.trackers.beside import Tracker
from optimoe.trainer.results.watching import StepReport

FOLDER = "tensorboard"
"""Of the curves, in the folder of a run."""


@contextmanager
def drawn(_: RunSpec, folder: Path, first: StepReport) -> Iterator[Tracker]:
    """Draw a run into ``tensorboard`` of its folder over its tokens; what is done again is drawn once."""
    board: Any = import_module("torch.utils.tensorboard")
    with board.SummaryWriter(str(folder / FOLDER), purge_step=first.tokens) as writer:
        yield _Curves(writer)


class _Curves:
    """Curves of one run; see :class:`~optimoe.trainer.results.trackers.beside.Tracker`."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def log(self, reports: Sequence[StepReport]) -> None:
        for report in reports:
            for name, value in report.curves.items():
                self._writer.add_scalar(name, value, report.tokens)

    def end(self, record: RunRecord) -> None:
        if record.loss is not None:
            self._writer.add_scalar("loss/held_out", record.loss, record.tokens_seen)
