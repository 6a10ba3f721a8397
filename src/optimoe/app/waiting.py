"""What is being done until an answer is there, on a terminal: the words, the time, the share and what is left."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optimoe.app.notes import is_on_screen
from optimoe.core.progress import Meter, metered

if TYPE_CHECKING:
    from rich.live import Live

SHOWN_AFTER_S = 2.0
"""Seconds in which an answer comes that nobody has to be told to wait for."""

TRUSTED_SHARE = 0.01
"""What is left is said from such a share on: earlier it would be a guess."""


@contextmanager
def stage(words: str) -> Iterator[None]:
    """Show what is being done on standard error while it lasts, where a person sits there and waits.

    Nothing is shown in the first two seconds, nor where standard error is no terminal or one that cannot take a
    line back, nor where an answer goes elsewhere than to the screen. What is shown goes when it is over.

    Args:
        words: What is being done, such as ``fitting 1,000 runs``. What counts its parts inside
            (:mod:`optimoe.core.progress`) tells how far it is.
    """
    if not (is_on_screen() and sys.stderr.isatty()) or os.environ.get("TERM") == "dumb":
        yield
        return
    with metered() as meter, _shown_later(StageLine(words, meter)):
        yield


class StageLine:
    """What is told of one stage to who waits, second by second.

    Attributes:
        words: What is being done.
    """

    def __init__(self, words: str, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self.words = words
        self._meter, self._clock, self._began = meter, clock, clock()

    def line(self) -> str:
        """The words, the seconds since it began and, where parts are counted, the share and what is left."""
        from optimoe.core.units import format_seconds

        spent, share = self._clock() - self._began, self._meter.share
        line = f"{self.words}: {format_seconds(spent)}"
        if share < TRUSTED_SHARE:
            return line
        return f"{line}, {share:.0%}, {format_seconds(spent * (1 - share) / share)} left"


@contextmanager
def _shown_later(waiting: StageLine) -> Iterator[None]:
    """Show a line after two seconds, renewed until the block ends; then it is cleaned off."""
    over, shown = threading.Event(), list["Live"]()

    def show() -> None:
        if not over.wait(SHOWN_AFTER_S):
            from rich.console import Console
            from rich.live import Live
            from rich.text import Text

            console = Console(stderr=True)
            live = Live(
                get_renderable=lambda: Text(waiting.line(), overflow="ellipsis", no_wrap=True),
                console=console,
                transient=True,
                refresh_per_second=2,
            )
            live.start()
            shown.append(live)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for live in shown:
            live.stop()
