"""Where an answer lies in what a law was fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass

from optimoe.core.units import format_count
from optimoe.laws.domain.traits import decades_outside

SAID = 0.05
"""Decades from where they are said: 0.0 decades would be beyond a range and not beyond it."""


def symbol_words(symbol: str, value: float) -> str:
    """The value of a law's symbol: FLOPs of training, C, by their power of ten, others with a prefix."""
    return f"{value:.2e}".replace("e+", "e") if symbol == "C" else format_count(value)


@dataclass(frozen=True, kw_only=True)
class PlacedValue:
    """One variable of an answer beside the range that the fit covered.

    Attributes:
        symbol: The variable.
        value: What it is.
        low, high: The range.
        decades: How far outside, |log10|; 0 inside.
    """

    symbol: str
    value: float
    low: float
    high: float
    decades: float

    @property
    def words(self) -> str:
        """The variable and the end of the range that it lies beyond."""
        end = f"to {format_count(self.high)}" if self.value > self.high else f"from {format_count(self.low)}"
        far = f" ({self.decades:.1f} decades)" if self.decades >= SAID else ""
        return f"{self.symbol} {symbol_words(self.symbol, self.value)}, fitted {end}{far}"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where the variables of an answer lie.

    Attributes:
        placed: Those with a range.
        unstated: Symbols of inputs whose range nobody stated.
    """

    placed: tuple[PlacedValue, ...]
    unstated: tuple[str, ...]

    @property
    def beyond(self) -> tuple[PlacedValue, ...]:
        """Variables that lie outside of their range."""
        return tuple(one for one in self.placed if one.decades > 0)

    @property
    def words(self) -> str:
        """Ranges as a line; one that nobody stated is never one that an answer is inside."""
        beyond = "; ".join(one.words for one in self.beyond)
        inside = ", ".join(one.symbol for one in self.placed if not one.decades)
        parts = [f"beyond its range: {beyond}"] if beyond else []
        parts += [f"{'inside' if beyond else 'inside its range'}: {inside}"] if inside else []
        parts += [f"not stated for {', '.join(self.unstated)}"] if self.unstated else []
        return "; ".join(parts) or "not stated"


def reach(
    placed: Mapping[str, float], ranges: Mapping[str, tuple[float, float]], unstated: tuple[str, ...]
) -> Reach:
    """Values beside their ranges.

    Args:
        placed: Values by symbol; those without a range are left out.
        ranges: What the fit covered, by symbol.
        unstated: Symbols of inputs that no range bounds.
    """
    found = [
        PlacedValue(
            symbol=symbol,
            value=float(placed[symbol]),
            low=low,
            high=high,
            decades=float(decades_outside(placed[symbol], low, high)),
        )
        for symbol, (low, high) in ranges.items()
        if symbol in placed
    ]
    return Reach(placed=tuple(found), unstated=unstated)
