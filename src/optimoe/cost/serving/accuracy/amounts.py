"""How wide the errors are: the band of what was measured, and what each thing that never was adds to it.

Every number is of ``data/bands.toml``, written by ``benchmarks/serving_bands.py``: logarithms of measured over
predicted, at the ends of nine tenths of the rows.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import require

Kind = Literal["tpot", "ttft", "e2e"]
"""Time per output token, time to first token, and the whole request, of which throughput and price follow."""

Unseen = Literal["gpu", "architecture"]
"""What the curves of kernels were not fitted to: a GPU of an architecture that they were, or all of its kind."""

Regime = Literal["launch", "memory", "compute"]
"""What a kernel's time is bound by."""


@dataclass(frozen=True, kw_only=True)
class Width:
    """Ends of a band around an estimate, as logarithms of their ratio to it.

    Attributes:
        down: ln(estimate/low end).
        up: ln(high end/estimate).

    Raises:
        ConfigError: An end is on the wrong side of the estimate.
    """

    down: float = 0.0
    up: float = 0.0

    def __post_init__(self) -> None:
        for name in ("down", "up"):
            require(0 <= getattr(self, name) < math.inf, name, "zero or more", getattr(self, name))

    def around(self, value: Values) -> tuple[Values, Values]:
        """The low and the high end around a time."""
        return value * math.exp(-self.down), value * math.exp(self.up)

    def around_inverse(self, value: Values) -> tuple[Values, Values]:
        """The low and the high end around a rate, which falls where the time rises."""
        return value * math.exp(-self.up), value * math.exp(self.down)

    def times(self, share: float) -> "Width":
        """The width of a share of the time."""
        return Width(down=self.down * share, up=self.up * share)

    def __bool__(self) -> bool:
        return self.down > 0 or self.up > 0


def together(*widths: Width) -> Width:
    """Independent errors: widths added as squares, so that another one never narrows the band."""
    return Width(
        down=math.hypot(*(one.down for one in widths)),
        up=math.hypot(*(one.up for one in widths)),
    )


def both_ways(size: float) -> Width:
    """A width with the same logarithm upwards and downwards."""
    return Width(down=size, up=size)


def base(kind: Kind) -> Width:
    """The band where everything but the model itself was measured: each model left out of the fit in turn."""
    down, up = _table()["base"][kind]
    return Width(down=down, up=up)


def left_out(axis: str, kind: Kind) -> Width:
    """What a whole group (a GPU, a precision, an engine, …) is off that the fit never saw."""
    return both_ways(_table()["left_out"][axis][kind])


def beyond(axis: str, kind: Kind, octaves: float) -> Width:
    """What is added by so many doublings outside the measured range of requests or context."""
    return both_ways(_table()["octave"][axis][kind] * octaves)


def kernel_error(unseen: Unseen, family: str, regime: Regime) -> float:
    """What a family's curves are off, where a regime binds, on a GPU or an architecture that they never saw."""
    return float(_table()["operators"][unseen][family][regime])


def assumed(name: str) -> Width:
    """A width that no measurement gives; its reason stands beside it in the table."""
    row = _table()["assumed"][name]
    return Width(down=row["down"], up=row["up"])


@cache
def _table() -> dict[str, Any]:
    return load_facts("optimoe.cost", "bands.toml")
