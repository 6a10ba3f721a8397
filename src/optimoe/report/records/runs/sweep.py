"""JSON of ``optimoe sweep``: where each run is, what came of it, and what was thought that all take."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.trainer.sweep.pace import Reckoning
from optimoe.trainer.sweep.store import RunState, State, SweepStore


@dataclass(frozen=True, kw_only=True)
class SweptRunRecord:
    """Where a run of a sweep is.

    Attributes:
        name: Of the run, and of its folder.
        run_id: Hash of what the run does.
        state: ``finished``, ``diverged``, ``failed`` (given up), ``running``, ``begun`` or ``waiting``.
        step: Steps that are done.
        steps: In all.
        loss: Held-out loss, nats per token; null where it is not over or diverged.
        train_flops: Counted; null where it is not over.
        seconds: Of training; null likewise.
        failure: Why it was given up, and empty where it was not.
    """

    name: str
    run_id: str
    state: State
    step: int
    steps: int
    loss: float | None
    train_flops: float | None
    seconds: float | None
    failure: str


@dataclass(frozen=True, kw_only=True)
class SweepEstimateRecord:
    """What runs take together.

    Attributes:
        num_runs: Runs.
        flops: Training FLOPs, without those that runs share.
        worker_seconds: Of all workers together.
        seconds: Until the last run is over.
        usd: At the stated price of the machine's hour.
    """

    num_runs: int
    flops: float
    worker_seconds: float
    seconds: float
    usd: float


@dataclass(frozen=True, kw_only=True)
class SweepReckoningRecord:
    """What was thought that runs take, and what they took.

    Attributes:
        before: Thought before the first run.
        settled: Thought of the rest after five runs; null before.
        num_runs: Runs of that rest that are over.
        worker_seconds: That they took.
        worker_seconds_thought: That was thought of them.
        ratio: Of the two; null before one is over.
    """

    before: SweepEstimateRecord
    settled: SweepEstimateRecord | None
    num_runs: int
    worker_seconds: float
    worker_seconds_thought: float
    ratio: float | None


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """Where a sweep is.

    Attributes:
        store: Its folder.
        records: The file with a whole record of each run that is over, a line each.
        counts: Runs in each state.
        reckoning: What was thought that the runs of this sweep, or of the newest, take, and what they took; null
            where there was nothing to do.
        runs: In the order in which they were asked for.
    """

    store: str
    records: str
    counts: dict[str, int]
    reckoning: SweepReckoningRecord | None
    runs: tuple[SweptRunRecord, ...]


def sweep_record(store: SweepStore, states: Sequence[RunState], reckoning: Reckoning | None = None) -> SweepRecord:
    """Where the runs of a store are."""
    return SweepRecord(
        store=str(store.path),
        records=str(store.records_file),
        counts=counts_of(states),
        reckoning=_reckoning(reckoning) if reckoning is not None else None,
        runs=tuple(map(_run, states)),
    )


def counts_of(states: Sequence[RunState]) -> dict[str, int]:
    """Runs in each state, but for those in which there is none."""
    each = [state.state for state in states]
    return {state: each.count(state) for state in dict.fromkeys(each)}


def _run(state: RunState) -> SweptRunRecord:
    record, failure = state.record, state.failure
    return SweptRunRecord(
        name=state.run.name,
        run_id=state.run.run_id,
        state=state.state,
        step=state.step,
        steps=state.run.steps,
        loss=record.loss if record else None,
        train_flops=record.train_flops if record else None,
        seconds=record.seconds if record else None,
        failure=f"{failure.line} ({failure.attempts} tries)" if failure else "",
    )


def _reckoning(reckoning: Reckoning) -> SweepReckoningRecord:
    settled = reckoning.settled
    return same_fields(
        SweepReckoningRecord,
        reckoning,
        before=same_fields(SweepEstimateRecord, reckoning.before),
        settled=same_fields(SweepEstimateRecord, settled) if settled else None,
    )


@dataclass(frozen=True, kw_only=True)
class RetriedRunsRecord:
    """Runs that may be done again.

    Attributes:
        store: The folder of the sweep.
        runs: Names of those that had been given up.
    """

    store: str
    runs: tuple[str, ...]
