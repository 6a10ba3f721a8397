"""Requests about the law library: all of it, one law, a law in its own variables."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from optimoe.core.errors import InputError, shown
from optimoe.core.units import parse_quantity
from optimoe.inputs.quantities import Flag, Pairs, pairs
from optimoe.inputs.sources import OwnLaw

if TYPE_CHECKING:
    from optimoe.laws.prediction.along import Along


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawLibraryRequest:
    """Every law with its status and source."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawRequest:
    """One law: coefficients, units, range, outputs."""

    law: OwnLaw = field(kw_only=False)
    """Name of a law, or a law file."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Evaluate a law in its own variables."""

    law: OwnLaw
    """Name of a law, or a law file."""
    set: Pairs = None
    """Variable of the law and its value, such as N=7e9 (once for each)."""
    output: str = "L"
    """Quantity to evaluate: L for the loss, or another output of `laws show`."""
    allow_inconsistent: Flag = False
    """Evaluate a law that cannot be right as printed; not for predictions."""

    def variables(self) -> dict[str, Any]:
        """The values by symbol; text that is no quantity stays text.

        Raises:
            InputError: A variable is not stated as ``N=7e9``.
        """
        return {symbol: _quantity(value) for symbol, value in pairs("--set", self.set, "N=7e9").items()}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AlongRequest(EvaluateRequest):
    """Evaluate a law along one of its variables, the others as stated."""

    along: str
    """Variable and its ends, such as N=1e8:1e12; values are in equal ratios."""
    points: int = 41
    """Values from one end to the other."""

    def line(self) -> "Along":
        """The variable and its values.

        Raises:
            InputError: It is not stated as ``N=1e8:1e12``.
            ConfigError: An end or the number of points is outside its limits.
        """
        from optimoe.laws.prediction.along import Along

        name, _, ends = self.along.partition("=")
        low, colon, high = ends.partition(":")
        if not (name.strip() and colon):
            raise InputError(f"--along: must be like N=1e8:1e12, got {shown(self.along)}")
        low_value, high_value = (parse_quantity(end) for end in (low, high))
        return Along(variable=name.strip(), low=low_value, high=high_value, points=self.points)


def _quantity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_quantity(value)
    except InputError:
        return value
