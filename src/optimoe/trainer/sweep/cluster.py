"""Seats on the machines of a Ray cluster: the same jobs and events, placed by Ray.

What Ray loses, a worker or a whole machine, is an event like the death of a process here: the run is begun again
elsewhere, from its newest checkpoint. A task that Ray has given up may still be running; nothing is done twice all
the same, because a run is locked by who trains it and its record is added by its id. The store must be a folder
that all machines see under one path.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optimoe.core.errors import InputError
from optimoe.trainer.sweep.jobs import Event, Job, read_event, read_job
from optimoe.trainer.sweep.seats import Crew, Seat

COUNTED_S = 5.0
"""Between two counts of what the cluster has: machines come and go."""

STOP_S = 60.0
"""A task that was asked to stop and has not saved after so long is left."""


def task(line: str) -> str:
    """A job in a worker of the cluster, by its line; returns the line of what came of it."""
    from optimoe.trainer.sweep.worker import do

    return do(read_job(line), lambda _: None).text()


@dataclass(kw_only=True)
class ClusterSeat(Seat):
    """What one run may use of the cluster, on whichever machine.

    Attributes:
        crew: That it is of.
        task: What is done, as Ray knows it, or none.
    """

    crew: "ClusterCrew"
    task: Any = None

    def take(self, job: Job) -> None:
        """Give a job to the cluster."""
        self.job, self.ready = job, False
        self.task = self.crew.begun(job, self.threads)


class ClusterCrew(Crew):
    """Seats of a cluster, as many as it has CPUs or GPUs for.

    Args:
        ray: The library.
        threads: Of each run.
        number: Of seats at most; 0 for all.
        gpu: Whether each run has a GPU.
    """

    def __init__(self, ray: Any, threads: int, number: int, gpu: bool) -> None:
        self._ray, self._threads, self._most, self._gpu = ray, threads, number, gpu
        # the loop tries again itself, and counts
        self._remote = ray.remote(max_retries=0, num_cpus=threads, num_gpus=int(gpu))(task)
        self._all: list[ClusterSeat] = []
        self._counted = -COUNTED_S

    @property
    def seats(self) -> list[ClusterSeat]:
        """The seats for which the cluster had room when it was counted last; they only become more."""
        return self._all

    def begun(self, job: Job, threads: int) -> Any:
        """The task of a job, as Ray knows it."""
        return self._remote.remote(job.line())

    def events(self, timeout_s: float) -> list[tuple[Seat, Event]]:
        """What came of tasks, and seats of machines that are new."""
        found: list[tuple[Seat, Event]] = list(self._new_seats())
        doing = {seat.task: seat for seat in self._all if seat.task is not None}
        if not doing:
            time.sleep(0 if found else timeout_s)
            return found
        over, _ = self._ray.wait(list(doing), num_returns=1, timeout=0 if found else timeout_s)
        for done in over:
            seat = doing[done]
            seat.task, seat.ready = None, True
            found.append((seat, self._outcome(done)))
        return found

    def stop(self) -> None:
        """Interrupt all tasks, which save, and wait for them."""
        doing = [seat.task for seat in self._all if seat.task is not None]
        for one in doing:
            self._ray.cancel(one)
        if doing:
            self._ray.wait(doing, num_returns=len(doing), timeout=STOP_S)

    def _outcome(self, done: Any) -> Event:
        """What a task returned, or that it died."""
        try:
            return read_event(self._ray.get(done))
        except self._ray.exceptions.RayError as error:
            return Event(kind="died", line=f"lost by Ray ({type(error).__name__})")

    def _new_seats(self) -> Iterator[tuple[Seat, Event]]:
        if time.monotonic() - self._counted < COUNTED_S:
            return
        self._counted = time.monotonic()
        resources = self._ray.cluster_resources()
        number = int(resources.get("GPU", 0)) if self._gpu else int(resources.get("CPU", 0)) // self._threads
        for at in range(len(self._all), min(number, self._most or number)):
            self._all.append(ClusterSeat(number=at, threads=self._threads, ready=True, crew=self))
            yield self._all[-1], Event(kind="ready")


@contextmanager
def on_cluster(address: str, number: int, threads: int, device: str, log: Path) -> Iterator[ClusterCrew]:
    """Seats of a cluster while they are needed.

    Args:
        address: ``auto`` or ``HOST:PORT`` of its head.
        number: Of runs at once at most; 0 for all that it has room for.
        threads: Of each; 0 for one.
        device: ``cuda`` gives each a GPU; ``auto`` too where the cluster has some.
        log: Where it is said what the cluster has.

    Raises:
        InputError: Ray is not installed, or no cluster answers there.
    """
    if find_spec("ray") is None:
        raise InputError("--ray-address: needs ray (pip install 'optimoe[ray]')")
    ray = import_module("ray")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--ray-address: must be of a cluster that answers, got {address} ({error})") from None
    try:
        gpu = device == "cuda" or (device == "auto" and ray.cluster_resources().get("GPU", 0) > 0)
        crew = ClusterCrew(ray, threads or 1, number, gpu)
        with log.open("a", encoding="utf-8") as written:
            written.write(f"cluster {address}: {ray.cluster_resources()}\n")
        try:
            yield crew
        finally:
            crew.stop()
    finally:
        ray.shutdown()
