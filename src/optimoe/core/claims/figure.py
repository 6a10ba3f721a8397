"""A figure of a text as data: drawn by whoever draws, printed as a table."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from optimoe.core.errors import require


@dataclass(frozen=True, kw_only=True)
class Series:
    """One curve or set of points of a figure.

    Attributes:
        name: Its name in the legend.
        x, y: Coordinates in the units that the figure's axes name; NaN in y where there is no value.
        low, high: Ends of a band around y, as long as y; both empty without one.
        note: What this series stands for or where it comes from; empty where its name says it.

    Raises:
        ConfigError: It has no name or no points, or its columns differ in length.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        require(self.name.strip(), "name", "given", "none")
        require(self.x, f"{self.name}: x", "one number or more", "none")
        require(len(self.y) == len(self.x), f"{self.name}: y", f"as long as x, {len(self.x)}", len(self.y))
        for name, end in (("low", self.low), ("high", self.high)):
            expected = len(self.y) if self.low or self.high else 0
            require(len(end) == expected, f"{self.name}: {name}", f"as long as y, {expected}", len(end))


@dataclass(frozen=True, kw_only=True)
class TextFigure:
    """A figure of a text: its curves and points in numbers.

    Attributes:
        key: The text's own number, such as ``3``, or a word, such as ``depth``.
        title: What it shows.
        x, y: Axis labels with their units.
        series: Its curves and sets of points.
        x_log, y_log: Whether an axis is logarithmic.
        notes: Conditions, what differs from the text's own figure, and why.

    Raises:
        ConfigError: It has no series or two of one name, or a number on a logarithmic axis is not positive.
    """

    key: str
    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    x_log: bool = False
    y_log: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.series, f"figure {self.key}: series", "one or more", "none")
        names = [one.name for one in self.series]
        require(len(set(names)) == len(names), f"figure {self.key}: series", "of different names", names)
        for log, axis in ((self.x_log, "x"), (self.y_log, "y")):
            if log:
                numbers = [value for one in self.series for value in getattr(one, axis) if not math.isnan(value)]
                least = min(numbers, default=1.0)
                require(least > 0, f"figure {self.key}: {axis}", "positive on a logarithmic axis", least)


FigureMaker = Callable[[], TextFigure]
"""Makes a figure; the first line of its docstring is the figure's title."""
