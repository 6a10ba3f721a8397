"""A run's curves for TensorBoard, beside its own ``metrics.jsonl``."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from optimoe.core.run import RunSpec
from optimoe.trainer.results.watching import StepReport, Watch, Watching

FOLDER = "tensorboard"
"""Of the curves, in the folder of a run."""


def drawn(out: Path, watching: Watching) -> Watching:
    """Draw each run into ``out/NAME/tensorboard`` over its tokens, beside what shows it already.

    A run that goes on draws on from there: what a kill made it do twice is drawn twice.
    """

    @contextmanager
    def both(run: RunSpec) -> Iterator[Watch]:
        board: Any = import_module("torch.utils.tensorboard")
        with watching(run) as watch, board.SummaryWriter(str(out / run.name / FOLDER)) as writer:

            def watch_and_draw(report: StepReport) -> None:
                watch(report)
                for name, value in _curves(report).items():
                    writer.add_scalar(name, value, report.tokens)

            yield watch_and_draw

    return both


def _curves(report: StepReport) -> dict[str, float]:
    """What is drawn of a step, by name."""
    curves = {"loss/train": report.loss, "speed/tokens_per_s": report.tokens_per_s, "speed/mfu": report.mfu}
    return curves | ({} if report.held_out is None else {"loss/held_out": report.held_out})
