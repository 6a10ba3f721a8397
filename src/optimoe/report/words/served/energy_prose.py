"""Energy in words: of a run, of a million tokens, and what it counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.energy import power_usage_effectiveness

WHOLE = 100
"""kWh from which no digit behind the point is said: three are known at most."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """An energy, and the GPUs that take it.

    Attributes:
        kwh: How much; NaN where the board's power is not known.
        of: What takes it, behind the unit: ``to train``.
        gpu: Its accelerator.
    """

    kwh: float
    of: str
    gpu: Accelerator


def energy_words(energies: Sequence[Energy]) -> str:
    """Energies beside each other, then what is counted of them; of which GPUs it is not known is said."""
    words = " · ".join(_kwh_words(one) for one in energies)
    boards = {one.gpu.name: f"{one.gpu.power_w:g} W" for one in energies if one.gpu.power_w}
    if not boards:
        return words
    watts = ", ".join(f"{name} {power}" for name, power in boards.items())
    return f"{words}: boards at their limit ({watts}), PUE {power_usage_effectiveness():g}, hosts left out"


def _kwh_words(one: Energy) -> str:
    if math.isnan(one.kwh):
        return f"no kWh {one.of}: the board power of {one.gpu.name} is not known"
    amount = f"{one.kwh:,.0f}" if one.kwh >= WHOLE else f"{one.kwh:.3g}"
    return f"{amount} kWh {one.of}".rstrip()
