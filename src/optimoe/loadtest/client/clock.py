"""The event loop of the client, which knows when the kernel told of the bytes that it reads."""

import asyncio
import contextlib
import math
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

now = time.perf_counter
"""Seconds on the client's steady clock."""

AT_ONCE_S = 50e-6
"""A poll that answers within this found what was there already."""

SO_TIMESTAMPNS = 35
"""The option of a socket whose bytes Linux stamps (asm-generic/socket.h); Python has no name for it."""

STAMP = struct.Struct("qq")
"""Seconds and nanoseconds, as a kernel of 64 bits states them."""

STAMPS = sys.platform == "linux" and sys.maxsize > 2**32
"""Whether the kernel is asked for stamps."""

STAMP_BYTES = socket.CMSG_SPACE(STAMP.size) if STAMPS else 0
"""Room for a stamp beside what is read."""

LONGEST_WAIT_S = 60.0
"""A stamp older than this is of a clock that was set."""


class StampedSocket(socket.socket):
    """A socket whose bytes the kernel stamps as they come in, so that a stamp does not wait for this process.

    The stamp is on the clock of the day: how long ago it is by that clock is taken off the steady one. Of bytes
    that are read together it is the stamp of the last.

    Attributes:
        wait_s: How long the bytes that were read last lay ready; NaN where the kernel does not say.
    """

    wait_s = math.nan

    def stamp(self) -> None:
        """Ask the kernel for stamps, where it has such."""
        if STAMPS:
            with contextlib.suppress(OSError):
                self.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read bytes, and the stamp that came with them."""
        if not STAMPS:
            return super().recv(bufsize, flags)
        data, told, _, _ = self.recvmsg(bufsize, STAMP_BYTES, flags)
        self._note(told)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read bytes into a buffer, as is done under TLS, and the stamp that came with them."""
        if not STAMPS or nbytes:
            return super().recv_into(buffer, nbytes, flags)
        count, told, _, _ = self.recvmsg_into([buffer], STAMP_BYTES, flags)
        self._note(told)
        return count

    def _note(self, told: list[tuple[int, int, bytes]]) -> None:
        """Keep how long ago the kernel stamped what was read."""
        self.wait_s = math.nan
        for level, kind, value in told:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == STAMP.size:
                seconds, nanoseconds = STAMP.unpack(value)
                wait_s = (time.time_ns() - seconds * 1_000_000_000 - nanoseconds) / 1e9
                self.wait_s = wait_s if 0 <= wait_s < LONGEST_WAIT_S else math.nan


class StampedSelector(selectors.DefaultSelector):
    """Waits for sockets, and knows when it last ended to: the stamp of bytes that the kernel does not stamp.

    All sockets that are ready at one poll have one stamp: a burst of tokens over many streams is not spread over
    the time that it takes to read it. What came while the loop was at work is found by the next poll at once; its
    wait was at most that work.

    Attributes:
        stamp: When the last poll ended.
        wait_s: The most that what it found had waited for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stamp, self.wait_s = now(), 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for sockets and take the time."""
        asked = now()
        worked = asked - self.stamp
        ready = super().select(timeout)
        self.stamp = now()
        self.wait_s = worked if self.stamp - asked < AT_ONCE_S else 0.0
        return ready


def run_stamped(main: Callable[[StampedSelector], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop of its own; in a thread of its own where one runs already, as in a notebook.

    An interrupt cancels it once, which it may answer by ending early with a result. What a callback of the loop
    raises ends it too.
    """
    selector, faults = StampedSelector(), list[Exception]()
    cancel: list[Callable[[], object]] = []

    async def watched() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))

        def end(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            faults.append(context.get("exception") or RuntimeError(context["message"]))
            task.cancel()

        loop.set_exception_handler(end)
        return await main(selector)

    def run() -> T:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            try:
                return runner.run(watched())
            finally:
                if faults:
                    raise faults[0]

    if asyncio._get_running_loop() is None:  # what get_running_loop() raises would be the context of every error
        return run()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run)
        try:
            return running.result()
        except KeyboardInterrupt:
            for each in cancel:
                each()
            return running.result()
