"""Seats on the machines of a Ray cluster: the same jobs and events, placed by Ray.

What Ray loses, a worker or a whole machine, is an event like the death of a process here: the run is begun again
elsewhere, from its newest checkpoint. Where the head is lost, all that was done on the cluster is, and the sweep
waits until one answers again. A task that Ray has given up may still be running; nothing is done twice all the
same, because a run is locked by who trains it and its record is added by its id.
"""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from optimoe.core.errors import InputError
from optimoe.trainer.sweep.cluster.words import Order, Report, read_report
from optimoe.trainer.sweep.jobs import Event, Job, read_event
from optimoe.trainer.sweep.seats import Crew, Seat

COMMAND = (sys.executable, "-m", "optimoe.trainer.sweep.cluster.driver")

SILENT_S = 120.0
"""A driver that has said nothing for so long has lost its cluster."""

AGAIN_S = 2.0
"""Between two tries to reach a cluster that is lost."""

AWAY_S = 600.0
"""After so long without a cluster a sweep ends."""

STOP_S = 75.0
"""A driver that was asked to stop and whose tasks have not saved after so long is killed."""


@dataclass(frozen=True, kw_only=True)
class ClusterNeeds:
    """Which cluster a sweep wants, and what of it.

    Attributes:
        address: ``auto`` or ``HOST:PORT`` of its head.
        number: Of runs at once at most; 0 for all that it has room for.
        threads: Of each.
        device: ``cuda`` gives each a GPU; ``auto`` too where the cluster has some.
        mark: Of the store, by which a machine that does not see it is told.
    """

    address: str
    number: int = 0
    threads: int = 1
    device: str = "auto"
    mark: str

    def words(self) -> tuple[str, ...]:
        """What the driver is started with."""
        return (*COMMAND, self.address, str(self.threads), self.device, self.mark)

    def for_a_run(self) -> str:
        """What a machine must have for one."""
        cpus = f"{self.threads} CPU{'s' if self.threads > 1 else ''}"
        return f"{cpus} and a GPU" if self.device == "cuda" else cpus


@dataclass(kw_only=True)
class ClusterSeat(Seat):
    """What one run may use of the cluster, on whichever machine.

    Attributes:
        crew: That it is of.
    """

    crew: "ClusterCrew" = field(repr=False)

    def take(self, job: Job) -> None:
        """Give a job to the cluster."""
        self.job, self.ready = job, False
        self.crew.order(Order(seat=self.number, job=job.line()))


class _Driver:
    """The process that speaks to Ray, and what it says."""

    def __init__(self, needs: ClusterNeeds, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            needs.words(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the sweep
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output, self._unread = self._process.stdin, self._process.stdout, b""
        self._selector, self._heard = selectors.DefaultSelector(), time.monotonic()
        self._selector.register(self._output, selectors.EVENT_READ)

    def tell(self, order: Order) -> None:
        """Give an order; that it does not come is seen by :meth:`heard`."""
        with suppress(BrokenPipeError):
            self._input.write(order.text().encode())
            self._input.flush()

    def heard(self, timeout_s: float) -> list[Report] | None:
        """What was said since the last time, after so many seconds at most; none where it has ended or hangs."""
        if not self._selector.select(timeout_s):
            return None if time.monotonic() - self._heard > SILENT_S else []
        piece = os.read(self._output.fileno(), 1 << 16)
        if not piece:
            return None
        self._heard = time.monotonic()
        *lines, self._unread = (self._unread + piece).split(b"\n")
        return [read_report(line.decode()) for line in lines]

    def end(self, patience_s: float) -> None:
        """Ask it to stop its tasks and end, and kill it where it has not after so long."""
        with suppress(BrokenPipeError):
            self._input.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._output.close()


class ClusterCrew(Crew):
    """Seats of a cluster, as many as it has CPUs or GPUs for; :func:`on_cluster` connects and ends them.

    Args:
        needs: Which cluster, and what of it.
        log: What is printed beside what is said.
        say: Is told that the cluster is gone, and that it answers again.

    Raises:
        InputError: No cluster answers there, or none of its machines has room for a run.
    """

    def __init__(self, needs: ClusterNeeds, log: IO[bytes], say: Callable[[str], None]) -> None:
        self._needs, self._log, self._say = needs, log, say
        self._all: list[ClusterSeat] = []
        self._driver: _Driver | None = None
        self._connected = self._was_connected = False
        self._away_since = self._tried_at = time.monotonic() - AGAIN_S
        try:
            while not self._connected:
                self.events(SILENT_S)
        except BaseException:
            self.stop()
            raise

    @property
    def seats(self) -> list[ClusterSeat]:
        """The seats for which the cluster had room when it was counted last, and those that are still taken."""
        return self._all

    def order(self, order: Order) -> None:
        """Give an order to the cluster; what is lost with it is an event."""
        if self._driver is not None:
            self._driver.tell(order)

    def events(self, timeout_s: float) -> list[tuple[Seat, Event]]:
        """What came of tasks, seats of machines that are new, and what was lost with the cluster.

        Raises:
            InputError: The cluster has been away for too long, or a machine does not see the store.
        """
        away = time.monotonic() - self._away_since
        if not self._connected and self._was_connected and away > AWAY_S:
            what = f"{self._needs.address} has not answered for {AWAY_S:.0f} s"
            raise InputError(f"--ray-address: {what}; what is over is kept, and the same command does the rest")
        if self._driver is None:
            wait = self._tried_at + AGAIN_S - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, timeout_s))
                return []
            self._driver, self._tried_at = _Driver(self._needs, self._log), time.monotonic()
        reports = self._driver.heard(timeout_s)
        if reports is None:
            return self._gone(f"{self._log.name} says why")
        found: list[tuple[Seat, Event]] = []
        for report in reports:
            if report.kind == "refused" and not self._connected:
                return self._gone(report.line)
            found += self._told(report)
        return found

    def stop(self) -> None:
        """Interrupt all tasks, which save, and wait for them."""
        if self._driver is not None:
            self._driver.end(STOP_S if self._connected else 0.0)
            self._driver = None

    def _gone(self, why: str) -> list[tuple[Seat, Event]]:
        """There is no cluster, or no more, and what was done there is lost.

        Raises:
            InputError: There never was one.
        """
        if not self._was_connected:
            must = f"must be of a cluster that answers, got {self._needs.address}"
            raise InputError(f"--ray-address: {must} ({why})")
        assert self._driver is not None
        self._driver.end(0.0)
        self._driver, self._tried_at = None, time.monotonic()
        if self._connected:
            self._connected, self._away_since = False, time.monotonic()
            self._say(f"the cluster at {self._needs.address} is gone: waits for it, {AWAY_S:.0f} s at most")
        for seat in self._all:
            seat.ready = False
        return [(seat, Event(kind="lost")) for seat in self._all if seat.job is not None]

    def _told(self, report: Report) -> Iterator[tuple[Seat, Event]]:
        """Take in what the driver said.

        Raises:
            InputError: No machine has room for a run, or one does not see the store.
        """
        if report.kind == "refused":
            raise InputError(f"--ray-address: {report.line}")
        if report.kind == "room":
            if report.number and not self._connected:
                self._connect()
            yield from self._seated(min(report.number, self._needs.number or report.number))
        for seat in self._all:
            if report.kind == "event" and seat.number == report.number:
                seat.ready = True
                yield seat, read_event(report.line)

    def _connect(self) -> None:
        """There is a cluster, or again."""
        if self._was_connected:
            self._say(f"the cluster at {self._needs.address} answers again")
        self._connected = self._was_connected = True

    def _seated(self, room: int) -> Iterator[tuple[Seat, Event]]:
        """Seats as there is room; one that is taken stays until its run is over, and one stays always.

        Raises:
            InputError: There never was room.
        """
        if not self._was_connected:
            raise InputError(
                f"--ray-address: must have a machine with {self._needs.for_a_run()} for a run, has none"
            )
        self._all = [seat for seat in self._all if seat.number < max(1, room) or seat.job is not None]
        there = {seat.number for seat in self._all}
        new = [at for at in range(room) if at not in there]
        self._all += [ClusterSeat(number=at, threads=self._needs.threads, crew=self) for at in new]
        for seat in self._all:
            fits, seat.ready = not seat.ready, seat.number < room and seat.job is None
            if seat.ready and fits:
                yield seat, Event(kind="ready")


@contextmanager
def on_cluster(needs: ClusterNeeds, log: Path, say: Callable[[str], None]) -> Iterator[ClusterCrew]:
    """Seats of a cluster while they are needed.

    Args:
        needs: Which cluster, and what of it.
        log: Where it is said what the cluster has, and what went wrong there.
        say: Is told that the cluster is gone, and that it answers again.

    Raises:
        InputError: Ray is not installed, no cluster answers there, or none of its machines has room for a run.
    """
    if find_spec("ray") is None:
        raise InputError("--ray-address: needs ray (pip install 'optimoe[ray]')")
    with log.open("ab") as written:
        crew = ClusterCrew(needs, written, say)
        try:
            yield crew
        finally:
            crew.stop()
