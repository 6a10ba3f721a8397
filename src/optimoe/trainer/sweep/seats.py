"""What a sweep needs of workers, wherever they are: seats that take a run each, and what is said from them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.trainer.sweep.jobs import Event, Job


@dataclass
class Seat(ABC):
    """A place for one run at a time.

    Attributes:
        number: Of this seat, no other's.
        threads: Of its products.
        job: What is done there, or none.
        ready: Whether it waits for a job.
    """

    number: int
    threads: int
    job: Job | None = None
    ready: bool = False

    @abstractmethod
    def take(self, job: Job) -> None:
        """Begin a job; whether that goes well is said by :meth:`Crew.events`."""


class Crew(ABC):
    """All seats that a sweep has."""

    @property
    @abstractmethod
    def seats(self) -> Sequence[Seat]:
        """The seats that there are at this moment."""

    @abstractmethod
    def events(self, timeout_s: float) -> list[tuple[Seat, Event]]:
        """What was said or seen since the last time, after so many seconds at most; a dead worker is replaced."""

    @abstractmethod
    def stop(self) -> None:
        """Ask all to save and end, and wait until they have."""
