"""Signals while something is done that must not be left half done: as an exception, or only when it is over."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_ON_SIGNAL = 128
"""What a shell shows of a process that a signal has ended: this and the signal's number."""

ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What asks a process to end: a scheduler's signal, and a closed terminal's."""


@contextmanager
def endings_as_exception() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the stack, and do not end the process at once, where nobody else handles them."""
    free = [number for number in ENDINGS if _is_main() and signal.getsignal(number) is signal.SIG_DFL]

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(EXIT_ON_SIGNAL + number)

    for number in free:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in free:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_held() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP come when the block is over: it is short, and what it does is done whole."""
    came = list[int]()
    numbers = (signal.SIGINT, *ENDINGS) if _is_main() else ()
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _is_main() -> bool:
    """Whether this is the thread that may handle signals."""
    return threading.current_thread() is threading.main_thread()
