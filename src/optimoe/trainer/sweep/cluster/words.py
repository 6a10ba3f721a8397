"""What a sweep and the process that speaks to Ray for it say to each other, a line of JSON each."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from optimoe.core.config import build


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job for the cluster.

    Attributes:
        seat: On which it is done.
        job: Its line.
    """

    seat: int
    job: str

    def text(self) -> str:
        """The order on one line."""
        return json.dumps(asdict(self)) + "\n"


def read_order(line: str) -> Order:
    """The order of a line."""
    return build(Order, json.loads(line), "order")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known of the cluster.

    Attributes:
        kind: There is ``room`` for so many runs, told again and again; an ``event`` of a seat; or the cluster is
            ``refused``, for a reason.
        number: Of runs, or of the seat.
        line: The event's, or the reason.
    """

    kind: Literal["room", "event", "refused"]
    number: int = 0
    line: str = ""

    def text(self) -> str:
        """The report on one line."""
        return json.dumps(asdict(self)) + "\n"


def read_report(line: str) -> Report:
    """The report of a line."""
    return build(Report, json.loads(line), "report")
