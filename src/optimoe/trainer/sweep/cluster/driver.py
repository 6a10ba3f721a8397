"""A process that speaks to a Ray cluster for a sweep: ``python -m optimoe.trainer.sweep.cluster.driver``.

Ray ends whoever is connected to a head that is gone. So a sweep is not connected itself: where this process ends,
it starts another, which finds the head that has come in its place. The end of standard input is the end of the
sweep, and its runs save where they are.
"""

import argparse
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TextIO

from optimoe.core.errors import InputError
from optimoe.trainer.sweep.cluster.task import task
from optimoe.trainer.sweep.cluster.words import Order, Report, read_order
from optimoe.trainer.sweep.jobs import Event

COUNTED_S = 5.0
"""Between two counts of what the cluster has: machines come and go."""

WAIT_S = 0.1
"""Of a wait for tasks, before orders are looked at."""

ANSWER_S = 10.0
"""A head that has not answered after so long is none; Ray alone would wait for minutes."""

STOP_S = 60.0
"""A task that was asked to stop and has not saved after so long is left."""


class Driver:
    """A connection to a cluster, and what it does.

    Args:
        ray: The library, connected.
        threads: Of each run.
        device: ``cuda`` gives each a GPU; ``auto`` too where the cluster has some.
        mark: Of the store.
        out: To whom it is told.
    """

    def __init__(self, ray: Any, threads: int, device: str, mark: str, out: TextIO) -> None:
        self._ray, self._threads, self._mark, self._out = ray, threads, mark, out
        self._node = ray.get_runtime_context().get_node_id()
        self._gpu = device == "cuda" or (device == "auto" and ray.cluster_resources().get("GPU", 0) > 0)
        # the sweep tries again itself, and counts
        self._remote = ray.remote(max_retries=0, num_cpus=threads, num_gpus=int(self._gpu))(task)
        self._orders, self._doing = queue.SimpleQueue[Order | None](), dict[Any, int]()

    def drive(self) -> None:
        """Do what is ordered until there is nothing to come."""
        threading.Thread(target=self._read, daemon=True).start()
        counted = -COUNTED_S
        while True:
            if time.monotonic() - counted > COUNTED_S:
                self._count()
                counted = time.monotonic()
            if not self._taken():
                return self._stop()
            if self._doing:
                over, _ = self._ray.wait(list(self._doing), num_returns=1, timeout=WAIT_S)
                for done in over:
                    self._say(self._outcome(done, self._doing.pop(done)))

    def _count(self) -> None:
        """Tell for how many runs there is room.

        Raises:
            SystemExit: The machine by which this process is connected is none of the cluster, or no more.
        """
        nodes = self._ray.nodes()
        if not any(node["Alive"] and node["NodeID"] == self._node for node in nodes):
            raise SystemExit(f"cluster: {self._node} is none of its machines any more")
        self._say(Report(kind="room", number=room(nodes, self._threads, self._gpu)))

    def _taken(self) -> bool:
        """Begin what has been ordered; returns whether more may come."""
        try:
            while True:
                order = self._orders.get(timeout=0 if self._doing else WAIT_S)
                if order is None:
                    return False
                self._doing[self._remote.remote(order.job, self._mark)] = order.seat
        except queue.Empty:
            return True

    def _outcome(self, done: Any, seat: int) -> Report:
        """What a task returned, that it died, or that it cannot be done there."""
        errors = self._ray.exceptions
        try:
            return Report(kind="event", number=seat, line=self._ray.get(done))
        except errors.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, InputError):
                return Report(kind="refused", line=str(cause))
            sys.stderr.write(f"{error}\n")
            lost = Event(kind="died", line=f"lost by Ray ({type(error).__name__})")
            return Report(kind="event", number=seat, line=lost.text())

    def _stop(self) -> None:
        """Interrupt all tasks, which save, and wait for them."""
        doing = list(self._doing)
        for one in doing:
            self._ray.cancel(one)
        if doing:
            self._ray.wait(doing, num_returns=len(doing), timeout=STOP_S)

    def _read(self) -> None:
        """Take orders from standard input; its end is the end of who wrote them."""
        for line in sys.stdin:
            self._orders.put(read_order(line))
        self._orders.put(None)

    def _say(self, report: Report) -> None:
        say(report, self._out)


def room(nodes: Sequence[Mapping[str, Any]], threads: int, gpu: bool) -> int:
    """Runs for which machines have the CPUs, and GPUs where each has one; a run stays on one machine."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    rooms = [int(has.get("CPU", 0)) // threads for has in alive]
    if gpu:
        rooms = [min(number, int(has.get("GPU", 0))) for number, has in zip(rooms, alive, strict=True)]
    return sum(rooms)


def silence(address: str) -> str:
    """Why nobody answers at ``HOST:PORT``; empty where somebody does, and for ``auto``, which Ray looks up."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return ""
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        return str(error)
    return ""


def say(report: Report, out: TextIO) -> None:
    """Tell the sweep, if it is there."""
    try:
        out.write(report.text())
        out.flush()
    except BrokenPipeError:  # it is gone: standard input ends too, and that ends the tasks
        pass


def main() -> None:
    """Connect, and do what standard input says until it ends."""
    words = argparse.ArgumentParser()
    words.add_argument("address")
    words.add_argument("threads", type=int)
    words.add_argument("device")
    words.add_argument("mark")
    given = words.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this one decides
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints goes beside what is said
    if why := silence(given.address):
        say(Report(kind="refused", line=why), out)
        return
    ray = import_module("ray")
    try:
        ray.init(address=given.address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        say(Report(kind="refused", line=str(error).partition("\n")[0]), out)
        return
    sys.stderr.write(f"cluster {given.address}: {ray.cluster_resources()}\n")
    try:
        Driver(ray, given.threads, given.device, given.mark, out).drive()
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
