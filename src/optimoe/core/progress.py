"""How far a long computation is: what computes counts its parts, and who waits for it looks at the share."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


class Meter:
    """How far nested loops are.

    A loop inside another counts as one part of it: of 4 tables with 10 rows each, the fifth row of the second is
    (1 + 5/10)/4 of the whole. Threads may count in the same loop.
    """

    def __init__(self) -> None:
        self._loops: list[list[float]] = []
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """What is done, from 0 to 1; 0 where nothing is counted."""
        share, width = 0.0, 1.0
        with self._lock:
            for done, parts in self._loops:
                share += width * min(done / parts, 1.0)
                width /= parts
        return min(share, 1.0)

    def begin(self, parts: float) -> int:
        """Take note of a loop inside those that are underway; its depth among them."""
        with self._lock:
            self._loops.append([0, parts])
            return len(self._loops) - 1

    def add(self, depth: int, parts: float) -> None:
        """Take note that parts of the loop of a depth are done."""
        with self._lock:
            self._loops[depth][0] += parts

    def end(self, depth: int) -> None:
        """Forget the loop of a depth, and all that are inside it."""
        with self._lock:
            del self._loops[depth:]


METER: ContextVar[Meter | None] = ContextVar("METER", default=None)
"""Of who waits; nobody does where it is not set, and nothing is counted."""


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what is computed inside."""
    meter = Meter()
    before = METER.set(meter)
    try:
        yield meter
    finally:
        METER.reset(before)


@contextmanager
def counting(parts: float) -> Iterator[Callable[[float], None]]:
    """Count so many parts of what is done inside: what is yielded takes note that some more are done."""
    meter = METER.get()
    if meter is None or not parts > 0:
        yield lambda more: None
        return
    depth = meter.begin(parts)
    try:
        yield lambda more: meter.add(depth, more)
    finally:
        meter.end(depth)


def counted(parts: Sequence[T]) -> Iterator[T]:
    """The parts one after the other, each counted when the next is asked for."""
    with counting(len(parts)) as done:
        for part in parts:
            yield part
            done(1)
