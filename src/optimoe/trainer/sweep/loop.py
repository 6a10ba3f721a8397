"""A sweep in this process: what is left of it, and the loop over what workers say."""

import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from optimoe.core.errors import InfeasibleError, InputError, require_nonnegative, require_types
from optimoe.core.run import RunSpec
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.results.folder import CHECKPOINTS, steps_of_checkpoints
from optimoe.trainer.series import parting_steps
from optimoe.trainer.signals import StopWish
from optimoe.trainer.sweep.jobs import Event, Job
from optimoe.trainer.sweep.pace import (
    SETTLED_RUNS,
    Pace,
    Reckoning,
    SweepEstimate,
    Work,
    estimate,
    shape_of,
    work_left,
)
from optimoe.trainer.sweep.seats import Crew, Seat
from optimoe.trainer.sweep.store import LOG, Failure, SweepStore
from optimoe.trainer.trunks import shared_steps

LOOK_S = 0.5
"""Between two looks at what workers say."""

TAKEN_S = 2.0
"""Before a run is asked for again that another process trains."""

MOST_STILLBORN = 3
"""Workers that die before they are ready, one after another, before a sweep gives up."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """How a sweep is done on this machine.

    Attributes:
        workers: Processes; 0 for one a GPU, or one for each core (or for so many threads' cores).
        retries: How often a run is tried again whose worker died before it got further, until it is given up.
        usd_per_hour: Price of an hour of this machine.
        ray_address: Of a Ray cluster that does the runs in place of this machine: ``auto`` or ``HOST:PORT``.

    Raises:
        ConfigError: A number is out of limits.
    """

    workers: int = 0
    retries: int = 2
    usd_per_hour: float = 0.0
    ray_address: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require_nonnegative(self, "workers", "retries", "usd_per_hour")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run that a worker does.

    Attributes:
        name: Of the run.
        fields: Of its last step that was told: ``step``, ``steps``, ``loss``, ``held_out``, ``tokens_per_s``.
    """

    name: str
    fields: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class SweepBoard:
    """Where a sweep is.

    Attributes:
        total: Runs that were asked for.
        over: Of which so many are over, diverged ones too.
        failed: And so many were given up.
        running: What workers do.
        seconds_left: Until the end, by the paces seen so far.
        event: What has just happened, a line; empty for nothing.
    """

    total: int
    over: int
    failed: int
    running: tuple[Running, ...]
    seconds_left: float
    event: str = ""


Confirm = Callable[[SweepEstimate], bool]
Look = Callable[[SweepBoard], None]


@dataclass
class _Left:
    """A run that is not over."""

    work: Work
    attempts: int = 0
    step: int = 0
    not_before: float = 0.0
    began: float = field(default=0.0)


class SweepLoop:
    """A sweep in this process: what is left of it, and the loop over what workers say."""

    def __init__(
        self,
        store: SweepStore,
        asked: Sequence[RunSpec],
        corpora: dict[str, tuple[Path, ...]],
        options: SweepOptions,
        how: TrainOptions,
        workers: Crew,
        look: Look,
        say: Callable[[str], None],
    ) -> None:
        self.store, self.asked, self.corpora, self.options, self.how = store, tuple(asked), corpora, options, how
        self.workers, self.look, self.say = workers, look, say
        self.pace, self.left = Pace(), dict[str, _Left]()
        self.failed = sum(store.failure(run) is not None for run in asked)
        self.told: dict[int, dict[str, float]] = {}
        self.before: dict[str, list[str]] = {
            run.name: [other.name for other in self.asked[:at] if shared_steps(run, other)]
            for at, run in enumerate(self.asked)
        }
        self.parting = {run.name: parting_steps(run, self.asked[at + 1 :]) for at, run in enumerate(self.asked)}
        self.stillborn, self.num_over = 0, 0

    def go(self, runs: Sequence[RunSpec], confirm: Confirm, wish: StopWish) -> Reckoning:
        """Do what is left."""
        self.left = {run.name: _Left(self._work(run)) for run in runs}
        self._learn_records()
        self._rehearse(wish)
        before = self._estimate()
        most = self.how.most_hours
        if most and before.seconds > 3600 * most:
            raise InputError(
                f"most_hours: must be {before.seconds / 3600:.3g} or more for these runs, got {most:g}"
            )
        if not confirm(before):
            raise InfeasibleError("sweep: not begun, as it was not confirmed (--yes)")
        self.reckoning, self.thought = Reckoning(before=before), dict[str, float]()
        self.store.save_reckoning(self.reckoning)
        while self.left:
            self._stop_if(wish)
            self._deal()
            events = self.workers.events(LOOK_S)
            for worker, event in events:
                line = self._happened(worker, event)
                if line:
                    self.say(line)
            self.look(self._board())
        return self.reckoning

    def _stop_if(self, wish: StopWish) -> None:
        if wish.signal:
            self.say("stops: workers save where they are")
            raise SystemExit(128 + wish.signal)

    def _work(self, run: RunSpec) -> Work:
        """What is left of a run, by the checkpoints that there are or will be."""
        earlier = self.asked[: self.asked.index(run)]
        first = max(
            [steps_of_checkpoints(self.store.path / run.name), *(shared_steps(run, other) for other in earlier)]
        )
        held_out = [Corpus(folder).num_tokens("held_out") for folder in self.corpora[run.name]]
        eval_tokens = sum(min(self.how.eval_tokens, number) for number in held_out)
        return work_left(run, first, self.how.evaluations, eval_tokens)

    def _learn_records(self) -> None:
        """Paces of shapes of which runs are over already, on this machine."""
        for record in self.store.records().values():
            if record.host == platform.node() and record.tokens_per_s:
                per_token = record.train_flops / record.tokens_seen
                self.pace.learn(shape_of(record.run), per_token, record.tokens_per_s)

    def _rehearse(self, wish: StopWish) -> None:
        """Time a few steps of unknown shapes, all workers busy as they will be."""
        waiting, busy = self.pace.unknown([left.work for left in self.left.values()]), dict[int, Work]()
        while waiting or busy:
            self._stop_if(wish)
            for worker in self.workers.seats:
                if worker.ready and waiting:
                    work = busy[worker.number] = waiting.pop(0)
                    worker.take(self._job(work.run, worker, rehearsal=True))
            for worker, event in self.workers.events(LOOK_S):
                if event.kind != "step":
                    work_of, worker.job = busy.pop(worker.number, None), None
                    if work_of is not None and event.kind == "lost":
                        waiting.append(work_of)
                    self._learn_rehearsal(work_of, event)

    def _learn_rehearsal(self, work: Work | None, event: Event) -> None:
        """Take in the speed of a shape.

        Raises:
            InputError: No run of it can be done, or workers die.
        """
        if event.kind == "died":
            self._count_stillborn(event)
        elif work is not None and event.kind == "failed":
            raise InputError(f"{work.run.name}: {event.line}")
        elif work is not None and event.fields:
            self.pace.learn(work.shape, work.flops_per_token, event.fields["tokens_per_s"])

    def _job(self, run: RunSpec, worker: Seat, rehearsal: bool = False) -> Job:
        """A run for a worker, which keeps the checkpoints at which others part from it."""
        keep_steps = tuple(sorted({*self.how.keep_steps, *self.parting[run.name]}))
        store = self.store.path.absolute()  # who does it may stand elsewhere
        return Job(
            run=run,
            folder=store / run.name,
            corpora=tuple(folder.absolute() for folder in self.corpora[run.name]),
            how=replace(self.how, threads=worker.threads, keep_steps=keep_steps),
            trunks=tuple(store / other for other in self.before[run.name]),
            rehearsal=rehearsal,
        )

    def _count_stillborn(self, event: Event) -> None:
        self.stillborn += 1
        if self.stillborn >= MOST_STILLBORN:
            raise InputError(f"workers: cannot start, {event.line}: {self.store.path / LOG} says why")

    def _estimate(self) -> SweepEstimate:
        works = [left.work for left in self.left.values()]
        return estimate(self.pace, works, len(self.workers.seats), self.options.usd_per_hour)

    def _deal(self) -> None:
        """Give every worker that is ready the first run that can be done."""
        for worker in self.workers.seats:
            if not worker.ready:
                continue
            doing = {other.job.run.name for other in self.workers.seats if other.job is not None}
            left = next((one for one in self.left.values() if self._can_begin(one, doing)), None)
            if left is None:
                return
            left.began = time.monotonic()
            worker.take(self._job(left.work.run, worker))

    def _can_begin(self, left: _Left, doing: set[str]) -> bool:
        """Whether nobody does a run yet, and those with which it begins are over."""
        name = left.work.run.name
        begins = not any(other in self.left for other in self.before[name])
        return name not in doing and begins and time.monotonic() >= left.not_before

    def _happened(self, worker: Seat, event: Event) -> str:
        """Take in what a worker said; returns a line about it, or nothing."""
        job = worker.job
        if event.kind == "step":
            self.told[worker.number] = event.fields
            return ""
        self.told.pop(worker.number, None)
        worker.job = None
        if event.kind == "ready":
            self.stillborn = 0
            return ""
        if job is None:
            self._count_stillborn(event)
            return ""
        name = job.run.name
        left = self.left[name]
        if event.kind == "taken":
            if self.store.settle(job.run):
                del self.left[name]
            left.not_before = time.monotonic() + TAKEN_S
            return ""
        if event.kind == "over" or (event.kind in ("died", "lost") and self.store.settle(job.run)):
            del self.left[name]
            return self._over(name, left, event)
        return self._failed(name, left, event) if event.kind != "lost" else ""

    def _failed(self, name: str, left: _Left, event: Event) -> str:
        """Count a death since the run has last got further, or give it up."""
        step = steps_of_checkpoints(self.store.path / name)
        left.attempts, left.step = left.attempts + 1 if step == left.step else 1, step
        if event.kind == "died" and left.attempts <= self.options.retries:
            return f"{name}: its worker was {event.line}; tried again ({left.attempts} of {self.options.retries})"
        line = event.line if event.kind == "failed" else f"its worker was {event.line}"
        self.store.give_up(left.work.run, Failure(attempts=left.attempts, line=line))
        del self.left[name]
        self.failed += 1
        return f"{name}: given up after {left.attempts} tries: {line}"

    def _over(self, name: str, left: _Left, event: Event) -> str:
        """Learn from a run that is over, and forget checkpoints that no other begins with."""
        for other in (name, *self.before[name]):
            if not any(later in self.left for later, first in self.before.items() if other in first):
                _forget(self.store.path / other)
        seconds = time.monotonic() - left.began
        first, whole = event.fields.get("first", left.work.first), event.fields.get("steps", 0)
        self.num_over += 1
        if whole and not left.attempts:
            work = replace(left.work, first=int(first))
            if event.fields["tokens_per_s"]:
                self.pace.learn(work.shape, work.flops_per_token, event.fields["tokens_per_s"])
            self.pace.correct(work, seconds)
            self._reckon(name, seconds)
        if self.num_over == SETTLED_RUNS and self.left:
            self.thought = {one: self.pace.seconds(run.work) for one, run in self.left.items()}
            self.reckoning = replace(self.reckoning, settled=self._estimate())
        self.store.save_reckoning(self.reckoning)
        return f"{name}: over after {seconds:.1f} s"

    def _reckon(self, name: str, seconds: float) -> None:
        """Hold what a run took against what was thought of it after the first five."""
        if name in self.thought:
            self.reckoning = replace(
                self.reckoning,
                worker_seconds=self.reckoning.worker_seconds + seconds,
                worker_seconds_thought=self.reckoning.worker_seconds_thought + self.thought[name],
                num_runs=self.reckoning.num_runs + 1,
            )

    def _board(self, event: str = "") -> SweepBoard:
        running = []
        gone = 0.0
        for worker in self.workers.seats:
            if worker.job is not None and worker.job.run.name in self.left:
                name = worker.job.run.name
                running.append(Running(name=name, fields=self.told.get(worker.number, {})))
                gone += min(time.monotonic() - self.left[name].began, self.pace.seconds(self.left[name].work))
        return SweepBoard(
            total=len(self.asked),
            over=len(self.asked) - len(self.left) - self.failed,
            failed=self.failed,
            running=tuple(running),
            seconds_left=max(0.0, self._estimate().seconds - gone / len(self.workers.seats)),
            event=event,
        )


def _forget(folder: Path) -> None:
    """Leave the newest checkpoint of a run alone: those at which others parted from it are not needed."""
    checkpoints = CheckpointFolder(folder / CHECKPOINTS)
    for step in checkpoints.steps()[:-1]:
        shutil.rmtree(folder / CHECKPOINTS / f"step-{step:08d}", ignore_errors=True)
