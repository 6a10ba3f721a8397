"""What was made of the last few things that were asked about."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_RECENT = 4
"""Things that are kept: a design is asked about ten times in a row, by the loss, its band and its range."""


class Recent(Generic[T]):
    """Answers about the last few things, which are told apart by identity: nobody changes a design.

    May be shared between threads: what is kept is replaced as a whole.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[Hashable, Any, T], ...] = ()

    def found(self, question: Hashable, thing: Any, make: Callable[[], T]) -> T:
        """The answer to a question about a thing, made where it is not one of those that are kept."""
        for asked, known, made in self._kept:
            if known is thing and asked == question:
                return made
        made = make()
        self._kept = ((question, thing, made), *self._kept[: MOST_RECENT - 1])
        return made
