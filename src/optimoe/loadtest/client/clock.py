"""The event loop of the client, which knows when the kernel told of the bytes that it reads."""

import asyncio
import selectors
import threading
import time
from array import array
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

now = time.perf_counter
"""Seconds on the client's steady clock."""

AT_ONCE_S = 50e-6
"""A poll that answers within this found what was there already."""


class StampedSelector(selectors.DefaultSelector):
    """Waits for sockets, and knows when it last ended to.

    All sockets that are ready at one poll have one stamp: a burst of tokens over many streams is not spread over
    the time that it takes to read it. What came while the loop was at work is found by the next poll at once; its
    wait was at most that work, which is kept as the delay of the client.

    Attributes:
        stamp: When the last poll ended.
        delays_s: Of each ready socket, the most that it waited for the poll that found it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stamp = now()
        self.delays_s = array("d")

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for sockets and take the time."""
        asked = now()
        worked = asked - self.stamp
        ready = super().select(timeout)
        self.stamp = now()
        if ready:
            delay = worked if self.stamp - asked < AT_ONCE_S else 0.0
            self.delays_s.extend([delay] * len(ready))
        return ready


def run_stamped(main: Callable[[StampedSelector], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop of its own; in a thread of its own where one runs already, as in a notebook.

    An interrupt cancels it once, which it may answer by ending early with a result. What a callback of the loop
    raises ends it too.
    """
    selector, faults = StampedSelector(), list[Exception]()

    async def watched() -> T:
        task = asyncio.current_task()

        def end(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            faults.append(context.get("exception") or RuntimeError(context["message"]))
            if task is not None:
                task.cancel()

        asyncio.get_running_loop().set_exception_handler(end)
        return await main(selector)

    def run() -> T:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            try:
                return runner.run(watched())
            finally:
                if faults:
                    raise faults[0]

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    return found[0]
