"""The parts of a level: the load fills, is measured, and is kept up until what is measured has been answered."""

import asyncio
import math

from optimoe.loadtest.results.timing import Phase, RequestTiming
from optimoe.loadtest.workload import LoadPlan, OpenLoop

GONE = ("refused", "unreachable")
"""Errors of an endpoint that is not there."""

MOST_GONE = 10
"""So many of them one after another end the measurement."""


class Course:
    """Which part of the level a request belongs to, and when the level is over.

    Requests are measured from the first answer on: by then the load is full, in a closed loop because each of its
    places has sent a request. The first filling, which the server gets at once, is left out. When enough requests
    have been sent, or for long enough, others follow that are not measured, so that the last measured ones do not
    run on an emptying server; these are given up when all measured ones are over.

    Of a trace, and of a load that is all sent at once, all requests are measured.

    Attributes:
        over: Set when every measured request is over, or the endpoint is gone.
        gone: Whether the endpoint has gone.
    """

    def __init__(self, plan: LoadPlan, number: int) -> None:
        load = plan.levels[number]
        self.over, self.gone = asyncio.Event(), False
        self._plan, self._whole = plan, isinstance(load, OpenLoop) and load.is_whole
        self._full = self._whole
        self._sent = self._ended = self._gone = 0
        self._first_s = math.nan

    def phase(self, now_s: float) -> Phase:
        """The part that a request sent now belongs to."""
        if not self._full:
            return "ramp"
        if not self._sent:
            self._first_s = now_s
        if not self._enough(now_s):
            self._sent += 1
            return "measured"
        return "drain"

    def ended(self, timing: RequestTiming) -> None:
        """Take note of a request that is over."""
        self._gone = self._gone + 1 if timing.error in GONE else 0
        self.gone = self.gone or self._gone >= MOST_GONE
        self._full = True
        self._ended += timing.phase == "measured"
        if self.gone or (self._ended == self._sent > 0 and self._enough(timing.ended_s)):
            self.over.set()

    @property
    def wants_more(self) -> bool:
        """Whether requests are still to be sent."""
        return not self.over.is_set() and not (self._whole and self._sent >= self._plan.num_requests)

    def _enough(self, now_s: float) -> bool:
        """Whether all measured requests have been sent."""
        if self._plan.duration_s and not self._whole:
            return self._sent > 0 and now_s >= self._first_s + self._plan.duration_s
        return self._sent >= self._plan.num_requests
