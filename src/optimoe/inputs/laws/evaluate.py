"""Requests about the law library: all of it, one law, a law in its own variables."""

from dataclasses import dataclass, field
from typing import Any

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.quantities import Flag, Pairs, pairs
from optimoe.inputs.sources import LawName


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawLibraryRequest:
    """Every law with its status and source."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawRequest:
    """One law: coefficients, units, range, outputs."""

    law: LawName = field(kw_only=False)
    """Name of a law, or a law file."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Evaluate a law in its own variables."""

    law: LawName
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


def _quantity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_quantity(value)
    except InputError:
        return value
