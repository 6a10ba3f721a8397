"""What one trait of a design does to the size that counts."""

from collections.abc import Callable
from dataclasses import dataclass

from optimoe.core.arrays import Values
from optimoe.laws.law import Law

Find = Callable[[str], Law]
"""The library: a law by its name."""


@dataclass(frozen=True, kw_only=True)
class DesignEffect:
    """What a design's N_eff owes to one of its traits. Numbers, or arrays over a grid of designs.

    Attributes:
        factor: On N_eff; 1 for a dense model.
        spread: Half the width of the disagreement between papers, in ln N_eff.
        source: The laws behind it, by name.
    """

    factor: Values
    spread: Values
    source: str
