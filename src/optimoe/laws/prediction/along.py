"""One output of a law along one of its variables: a curve with its band and what it was fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimoe.core.errors import UnknownNameError, require
from optimoe.laws.law import Law
from optimoe.laws.prediction.predict import LawPrediction, predict

MOST_POINTS = 400
"""Of a line: a screen shows no more."""


@dataclass(frozen=True, kw_only=True)
class Along:
    """A variable of a law from one end to another, in equal ratios.

    Attributes:
        variable: Its symbol.
        low, high: Its ends; positive.
        points: Values from one to the other, both included.

    Raises:
        ConfigError: An end or the number of points is outside its limits.
    """

    variable: str
    low: float
    high: float
    points: int = 41

    def __post_init__(self) -> None:
        require(0 < self.low < self.high < np.inf, "along", "two positive ends, the lower first", self.words)
        require(2 <= self.points <= MOST_POINTS, "points", f"2 to {MOST_POINTS}", self.points)

    @property
    def words(self) -> str:
        """The variable and its ends, as they are typed."""
        return f"{self.variable}={self.low:g}:{self.high:g}"

    @property
    def values(self) -> tuple[float, ...]:
        """The values in rising order, both ends to the digit."""
        found = np.geomspace(self.low, self.high, self.points)
        return (self.low, *map(float, found[1:-1]), self.high)


@dataclass(frozen=True, kw_only=True)
class LawLine:
    """One output of a law along one of its variables.

    Attributes:
        along: The variable.
        points: What the law says at each value; the variable is among its inputs.
    """

    along: Along
    points: tuple[LawPrediction, ...]


def predict_along(law: Law, symbol: str, inputs: Mapping[str, Any], along: Along) -> LawLine:
    """One output at each value of a variable, the others as stated.

    Raises:
        UnknownNameError: No such output, input or variable.
        ConfigError: An input is missing or outside its domain.
        InputError: The law is inconsistent as printed, or has no such number there.
    """
    needed = law.required(symbol)
    if along.variable not in needed:
        raise UnknownNameError("along", along.variable, needed)
    require(
        along.variable not in inputs,
        "along",
        f"another variable than those stated, {', '.join(inputs)}",
        along.words,
    )
    return LawLine(
        along=along,
        points=tuple(predict(law, symbol, {**inputs, along.variable: value}) for value in along.values),
    )
