"""Results that show themselves. How is known further up, and found when it is asked for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from optimoe.core.results.frames import FrameKind, to_frame

SUMMARY_WIDTH = 100
"""Columns of a summary unless stated: what a notebook's cell shows without wrapping."""


class View(ABC):
    """How one result is shown."""

    @abstractmethod
    def text(self, width: int | None) -> str:
        """The result in words, no wider than a width; None for lines as long as they are."""

    @abstractmethod
    def html(self) -> str:
        """Make a piece of a page of it."""

    @abstractmethod
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The result as a table: columns of equal length by name."""

    @abstractmethod
    def figure(self, kind: str) -> Any:
        """A figure of the result, the usual one for an empty kind.

        Raises:
            UnknownNameError: No such figure; lists the nearest.
        """


SHOWN_BY = "optimoe.app.results"
"""What finds the view of a result: the command line's own words, tables and figures. It is loaded when it is asked
for, and by its name, so that a command begins, and Ctrl-C is answered, before any of it is there."""


def view_of(result: Any) -> Any:
    """How a result is shown: a :class:`View`, of a plan one that also saves and scores."""
    return import_module(SHOWN_BY).view(result)


class Shown:
    """A result that shows itself as words, in a notebook, and as a table."""

    def summary(self, width: int | None = SUMMARY_WIDTH) -> str:
        """The result as the command line prints it.

        Args:
            width: Most columns of a line; None for lines as long as they are.
        """
        return view_of(self).text(width)

    def to_frame(self, kind: FrameKind = "") -> Any:
        """The result as a data frame, or as a dict of columns.

        Args:
            kind: ``pandas``, ``polars`` or ``dict``; left out, the library that is imported or installed.

        Raises:
            InputError: Neither library is installed.
        """
        return to_frame(view_of(self).columns(), kind)

    def _repr_html_(self) -> str:
        """The result in a notebook."""
        return view_of(self).html()


class Drawn(Shown):
    """A result that can be drawn as well."""

    def plot(self, kind: str = "") -> Any:
        """A plotly figure of the result.

        Args:
            kind: Which one; a name that is not known lists those that are.

        Raises:
            UnknownNameError: No such figure.
        """
        return view_of(self).figure(kind)
