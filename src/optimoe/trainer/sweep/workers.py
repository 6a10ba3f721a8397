"""Worker processes of this machine, each with cores or a GPU of its own, and what they say."""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from optimoe.trainer.sweep.jobs import Event, Job, read_event
from optimoe.trainer.sweep.seats import Crew, Seat

COMMAND = (sys.executable, "-m", "optimoe.trainer.sweep.worker")

STOP_S = 60.0
"""A worker that was asked to stop and has not saved after so long is killed."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a worker works.

    Attributes:
        cores: That it stays on; none for any.
        gpu: Its own, or none.
        threads: Of its products.
    """

    cores: tuple[int, ...] = ()
    gpu: int | None = None
    threads: int = 1


@dataclass(kw_only=True)
class Worker(Seat):
    """One process that trains.

    Attributes:
        place: Where it works.
        process: As the system knows it.
    """

    place: Place
    process: "subprocess.Popen[bytes]"
    _unread: bytes = field(default=b"", repr=False)

    def take(self, job: Job) -> None:
        """Give it a job; one that has died meanwhile is noticed by :meth:`Workers.events`."""
        self.job, self.ready = job, False
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(job.line().encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def heard(self, piece: bytes) -> Iterator[Event]:
        """The events of which the last lines have come."""
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            event = read_event(line.decode())
            self.ready = self.ready or event.kind != "step"
            yield event


class Workers(Crew):
    """All processes of a sweep on this machine; :func:`working` starts and ends them.

    Args:
        places: One for each worker.
        log: What they print beside what they say.
    """

    def __init__(self, places: Sequence[Place], log: IO[bytes]) -> None:
        self._log, self._selector = log, selectors.DefaultSelector()
        self.all = [self._started(place) for place in places]

    @property
    def seats(self) -> Sequence[Worker]:
        """One for each process."""
        return self.all

    def events(self, timeout_s: float) -> list[tuple[Seat, Event]]:
        """What was said or seen since the last time, after so many seconds at most; a dead worker is replaced."""
        found: list[tuple[Seat, Event]] = []
        for key, _ in self._selector.select(timeout_s):
            worker: Worker = key.data
            piece = os.read(key.fd, 1 << 16)
            if piece:
                found += [(worker, event) for event in worker.heard(piece)]
            else:
                found.append((worker, Event(kind="died", line=self._buried(worker))))
                self.all[self.all.index(worker)] = self._started(worker.place)
        return found

    def stop(self) -> None:
        """Ask all to save and end, wait until they have, and kill those that do not."""
        for worker in self.all:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self.all:
            try:
                worker.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.process.kill()
            self._buried(worker)

    def _started(self, place: Place) -> Worker:
        environment = os.environ | {"OMP_NUM_THREADS": str(place.threads), "MKL_NUM_THREADS": str(place.threads)}
        if place.gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(place.gpu)
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the sweep, which asks its workers to stop
        )
        if place.cores:
            os.sched_setaffinity(process.pid, place.cores)
        worker = Worker(number=process.pid, threads=place.threads, place=place, process=process)
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _buried(self, worker: Worker) -> str:
        """How a process ended, its pipes closed."""
        code = worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout):
            assert pipe is not None
            if pipe is worker.process.stdout:
                self._selector.unregister(pipe)
            with suppress(BrokenPipeError):  # a job that it never read
                pipe.close()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def working(places: Sequence[Place], log: Path) -> Iterator[Workers]:
    """Workers while they are needed, and none after that."""
    with log.open("ab") as written:
        workers = Workers(places, written)
        try:
            yield workers
        finally:
            workers.stop()


def places_here(number: int, threads: int, device: str) -> tuple[Place, ...]:
    """Where workers work on this machine.

    Args:
        number: Of workers; 0 for one to a GPU, or to so many threads' cores where there is none.
        threads: Of each; 0 for one on a CPU.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    gpus = _number_of_gpus() if device != "cpu" else 0
    cores = sorted(os.sched_getaffinity(0))
    threads = threads or (1 if not gpus else max(1, len(cores) // (number or gpus)))
    number = number or gpus or max(1, len(cores) // threads)
    alone = number * threads == len(cores)  # else others may use some of them: the system places workers better
    return tuple(
        Place(
            cores=tuple(cores[at * threads : (at + 1) * threads]) if alone else (),
            gpu=at % gpus if gpus else None,
            threads=threads,
        )
        for at in range(number)
    )


def _number_of_gpus() -> int:
    import torch

    found: Any = torch.cuda.device_count()
    return int(found)
