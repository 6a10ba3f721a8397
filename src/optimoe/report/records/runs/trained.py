"""JSON of ``optimoe train``: what came of each run, and where the whole record is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optimoe.core.records import same_fields
from optimoe.core.run import RunRecord, RunStatus


@dataclass(frozen=True, kw_only=True)
class TrainedRunRecord:
    """What came of one run.

    Attributes:
        name: Of the run, and of its folder.
        run_id: Hash of what the run does.
        status: ``finished``, or ``diverged``.
        folder: Where its metrics, record and checkpoints are.
        params_total: Parameters stored, both embeddings in.
        params_active: Those that one token touches, both embeddings in.
        tokens_seen: Trained on.
        train_flops: FLOPs of the training as counted part by part.
        loss: Held-out loss, nats per token; null where it diverged.
        bits_per_byte: The same loss in bits per byte; null likewise.
        seconds: Of training, evaluations and saving left out.
        tokens_per_s: Trained tokens a second.
        mfu: FLOPs a second over the peak that this machine was seen to reach.
        load_imbalance: Busiest expert over the mean on the held-out text, mean of layers; null of a dense model.
        device: What it ran on.
    """

    name: str
    run_id: str
    status: RunStatus
    folder: str
    params_total: int
    params_active: int
    tokens_seen: int
    train_flops: float
    loss: float | None
    bits_per_byte: float | None
    seconds: float
    tokens_per_s: float
    mfu: float
    load_imbalance: float | None
    device: str


@dataclass(frozen=True, kw_only=True)
class TrainedRunsRecord:
    """What came of the runs of a file.

    Attributes:
        records: The file with a whole record of each run that is over, a line each.
        runs: In the order in which they were trained.
    """

    records: str
    runs: tuple[TrainedRunRecord, ...]


def trained_runs_record(records: Path, runs: Sequence[tuple[Path, RunRecord]]) -> TrainedRunsRecord:
    """What came of runs, each with its folder."""
    found = tuple(
        same_fields(
            TrainedRunRecord, record, name=record.run.name, folder=str(folder), load_imbalance=imbalance_of(record)
        )
        for folder, record in runs
    )
    return TrainedRunsRecord(records=str(records), runs=found)


def imbalance_of(record: RunRecord) -> float | None:
    """Busiest expert over the mean, on the held-out text; none of a dense model."""
    return record.router.get("held_out_load_imbalance")
