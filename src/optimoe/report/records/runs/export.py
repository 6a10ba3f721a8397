"""JSON of ``optimoe export``: which model was written, where and as what."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.trainer.results.export import Export
from optimoe.trainer.results.trained import TrainedRun


@dataclass(frozen=True, kw_only=True)
class ExportRecord:
    """A trained model in a format of others.

    Attributes:
        run: The run's name.
        run_id: Hash of what the run does.
        step: Optimiser steps that the weights have seen.
        path: What was written.
        to: The format.
        family: The ``model_type`` whose shape it has.
        max_context: Longest sequence that is stated.
        num_bytes: Size of all files.
    """

    run: str
    run_id: str
    step: int
    path: str
    to: str
    family: str
    max_context: int
    num_bytes: int


def export_record(trained: TrainedRun, written: Export) -> ExportRecord:
    """What was written, of which run."""
    return same_fields(
        ExportRecord,
        written,
        run=trained.run.name,
        run_id=trained.run.run_id,
        step=trained.step,
        path=str(written.path),
    )
