"""Effects on the dense equivalent that no table of runs at hand tells apart, as published laws state them.

Each is a factor on N_eff at fixed N_act, N_total and D, and half the width of the disagreement between papers
in ln N_eff.
"""

from collections.abc import Callable, Sequence

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError
from optimoe.laws.factors.effect import DesignEffect, Find
from optimoe.laws.factors.granularity import granularity_effect
from optimoe.laws.factors.sharing import sharing_effect

EFFECTS: dict[str, Callable[[ArchSpec, Find], DesignEffect]] = {
    "granularity": granularity_effect,
    "sharing": sharing_effect,
}
"""Effects by the names that a law's row lists."""


def design_factor(names: Sequence[str], arch: ArchSpec, find: Find) -> Values:
    """Product of the factors of a design; 1 without any.

    Raises:
        UnknownNameError: A name that is none of :data:`EFFECTS`.
    """
    factor: Values = 1.0
    for effect in design_effects(names, arch, find):
        factor = np.multiply(factor, effect.factor)
    return factor


def design_effects(names: Sequence[str], arch: ArchSpec, find: Find) -> tuple[DesignEffect, ...]:
    """The effects of a design, by their names in a law's row."""
    for name in names:
        if name not in EFFECTS:
            raise UnknownNameError("factors", name, EFFECTS)
    return tuple(EFFECTS[name](arch, find) for name in names)
