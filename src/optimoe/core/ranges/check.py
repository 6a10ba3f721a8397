"""A range within which a number can mean what it says, and the error that names it."""

from dataclasses import dataclass
from typing import Any

from optimoe.core.errors import ConfigError, holds, shown
from optimoe.core.units import format_plain


@dataclass(frozen=True)
class Range:
    """A range of plausible values, ends included.

    Attributes:
        low, high: Its ends, in base units.
        unit: What is counted, as it stands after a number; empty for a ratio.
        why: What lies at its ends, in a few words: the reason for it.
        zero: Whether 0 is taken too, where it means "none".
    """

    low: float
    high: float
    unit: str
    why: str
    zero: bool = False

    @property
    def words(self) -> str:
        """The range as an error line says it: ``1e15 to 1e29 FLOPs (one GPU for a second; …)``."""
        ends = f"{format_plain(self.low)} to {format_plain(self.high)}{f' {self.unit}' if self.unit else ''}"
        return f"{'0, or ' if self.zero else ''}{ends} ({self.why})"

    def holds(self, value: Any) -> bool:
        """Whether a number, or every element of an array, lies within."""
        inside = (value >= self.low) & (value <= self.high)
        return holds(inside | (value == 0) if self.zero else inside)


def require_range(value: Any, field: str, limits: Range) -> None:
    """Check that a number lies within its plausible range; NaN never does.

    Raises:
        ConfigError: ``field: must be LOW to HIGH unit (why), got value``.
    """
    if not limits.holds(value):
        got = format_plain(value) if isinstance(value, int | float) else shown(str(value))
        raise ConfigError(f"{field}: must be {limits.words}, got {got}")
