"""What came of one level of load, before it is put in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.loadtest.results.timing import RequestTiming
from optimoe.loadtest.workload import Arriving


@dataclass(frozen=True, kw_only=True)
class LevelRun:
    """Requests of a level that are over, and how the client fared.

    Attributes:
        number: Place of the level in the plan, from 0.
        load: How requests came.
        began_utc: When it began, ISO 8601.
        timings: Requests in the order in which they ended, those that are not measured too.
        cpu_share: CPU seconds of the client's process over seconds of the level.
        delays_s: How long each piece of bytes lay ready before the client read it.
        by_kernel: Whether pieces are stamped by the kernel, so that stamps do not hold these delays.
        gone: Whether the endpoint went away.
        interrupted: Whether a person ended it.
    """

    number: int
    load: Arriving
    began_utc: str
    timings: tuple[RequestTiming, ...]
    cpu_share: float
    delays_s: Sequence[float]
    by_kernel: bool = False
    gone: bool = False
    interrupted: bool = False
