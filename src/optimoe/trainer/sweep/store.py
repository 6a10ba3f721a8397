"""The folder of a sweep: its runs, each in a folder of its own, and what came of them.

::

    STORE/runs.toml         what was asked for
    STORE/records.jsonl     what came of each run that is over, a line each, for `optimoe laws fit` at any time
    STORE/NAME/             a run's own folder
    STORE/NAME/failure.json why it was given up
    STORE/data/             corpora
    STORE/estimate.json     what the rest was thought to take, and took
    STORE/workers.log       what workers printed

Any number of sweeps may work on one store, one after another or at once: a run is locked by who trains it.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from optimoe.core.config import build, load_json
from optimoe.core.errors import InputError, require
from optimoe.core.files import remove_file, write_text
from optimoe.core.run import (
    RunRecord,
    RunSpec,
    append_run_record_once,
    load_run_records,
    load_runs,
    save_runs,
)
from optimoe.trainer.results.folder import (
    METRICS,
    RECORDS,
    is_taken,
    load_metrics,
    record_of_end,
    require_folder_name,
    steps_of_checkpoints,
)
from optimoe.trainer.sweep.pace import Reckoning

RUNS, FAILURE, ESTIMATE, LOG, STORE_LOCK = (
    "runs.toml",
    "failure.json",
    "estimate.json",
    "workers.log",
    ".store.lock",
)

State = Literal["finished", "diverged", "failed", "running", "begun", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run was given up.

    Attributes:
        attempts: How often it was tried.
        line: What happened the last time.
    """

    attempts: int
    line: str


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run of a store is.

    Attributes:
        run: Which.
        state: ``finished`` or ``diverged``; ``failed``, given up; ``running``; ``begun``, to be gone on with;
            or ``waiting``.
        step: Steps done.
        record: What came of it, where it is over.
        failure: Why it was given up, where it was.
    """

    run: RunSpec
    state: State
    step: int = 0
    record: RunRecord | None = None
    failure: Failure | None = None


class SweepStore:
    """The files of a sweep.

    Args:
        path: Its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def records_file(self) -> Path:
        """Where the records of all runs are."""
        return self.path / RECORDS

    def runs(self) -> tuple[RunSpec, ...]:
        """All runs that were ever asked for here.

        Raises:
            InputError: This is no store.
        """
        if not (self.path / RUNS).is_file():
            raise InputError(f"{self.path}: must be the folder of a sweep, holds no {RUNS}")
        return load_runs(self.path / RUNS)

    def add(self, runs: Sequence[RunSpec]) -> None:
        """Add runs to those of the store.

        Raises:
            InputError: The folder cannot be written, or a name is none of a folder.
            ConfigError: Another run of that name is there.
        """
        for run in runs:
            require_folder_name(run.name)
            require(run.name not in (RUNS, ESTIMATE, LOG), "name of a run", "none of the store's files", run.name)
        with self.alone():
            known = {run.name: run for run in self.runs()} if (self.path / RUNS).is_file() else {}
            for run in runs:
                there = known.setdefault(run.name, run)
                same = f"{run.name}, as it was when it was begun here"
                require(there.run_id == run.run_id, f"{self.path / run.name}", same, "another run of that name")
            save_runs(self.path / RUNS, tuple(known.values()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A moment in which no other process adds runs or makes corpora here.

        Raises:
            InputError: The folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / STORE_LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not os.pread(handle, 1, 0):
                os.pwrite(handle, f"{uuid.uuid4().hex}\n".encode(), 0)
            yield
        finally:
            os.close(handle)

    def mark(self) -> str:
        """What no other store has, by which another machine tells that it sees this one; empty where none is."""
        lock = self.path / STORE_LOCK
        return lock.read_text(encoding="utf-8").strip() if lock.is_file() else ""

    def records(self) -> dict[str, RunRecord]:
        """What came of the runs that are over, by run id."""
        if not self.records_file.is_file():
            return {}
        over = load_run_records(self.records_file).records
        return {record.run_id: record for record in over if record.status != "stopped"}

    def settle(self, run: RunSpec) -> bool:
        """Add the record of a run that ended as its trainer was killed, if there is one and it is over.

        Returns:
            Whether the run is over.
        """
        over = record_of_end(self.path / run.name)
        if over is not None:
            append_run_record_once(self.records_file, over)
        return over is not None

    def states(self) -> tuple[RunState, ...]:
        """Where every run is, in the order in which they were asked for."""
        records = self.records()
        return tuple(self._state(run, records.get(run.run_id)) for run in self.runs())

    def _state(self, run: RunSpec, record: RunRecord | None) -> RunState:
        if record is not None:
            state: State = "diverged" if record.status == "diverged" else "finished"
            return RunState(run=run, state=state, step=run.steps, record=record)
        folder, failure = self.path / run.name, self.failure(run)
        metrics = load_metrics(folder) if (folder / METRICS).is_file() else []
        step = int(metrics[-1]["step"]) if metrics else 0
        begun = steps_of_checkpoints(folder) > 0
        running = is_taken(folder)
        state = "running" if running else "failed" if failure else "begun" if begun else "waiting"
        return RunState(run=run, state=state, step=step, failure=None if running else failure)

    def failure(self, run: RunSpec) -> Failure | None:
        """Why a run was given up; none if it was not."""
        path = self.path / run.name / FAILURE
        return build(Failure, load_json(path), str(path)) if path.is_file() else None

    def give_up(self, run: RunSpec, failure: Failure) -> None:
        """Leave a run until somebody asks for it again."""
        (self.path / run.name).mkdir(parents=True, exist_ok=True)
        write_text(self.path / run.name / FAILURE, json.dumps(asdict(failure)) + "\n")

    def try_again(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Take back that runs were given up: those of some names, or all.

        Returns:
            Names of those that had been.
        """
        again = [run for run in self.runs() if (not names or run.name in names) and self.failure(run)]
        for run in again:
            remove_file(self.path / run.name / FAILURE)
        return tuple(run.name for run in again)

    def save_reckoning(self, reckoning: Reckoning) -> None:
        """Write what the rest takes and took."""
        table = asdict(reckoning) | {"ratio": reckoning.ratio}
        write_text(self.path / ESTIMATE, json.dumps(table, indent=1) + "\n")

    def reckoning(self) -> Reckoning | None:
        """What the newest sweep here thought that its runs take, and what they took; none before there was one.

        Raises:
            ConfigError: The file is none that a sweep writes.
        """
        path = self.path / ESTIMATE
        if not path.is_file():
            return None
        table = load_json(path)
        return build(Reckoning, {name: value for name, value in table.items() if name != "ratio"}, str(path))
