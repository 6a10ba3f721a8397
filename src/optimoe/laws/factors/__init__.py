"""Effects on the dense equivalent that no table of runs at hand tells apart, as published laws state them.

Each is a factor on N_eff at fixed N_act, N_total and D, and half the width of the disagreement between papers
in ln N_eff.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError
from optimoe.laws.factors.attention import at_best_ratio, expert_attention_effect
from optimoe.laws.factors.effect import DesignEffect, Find
from optimoe.laws.factors.granularity import granularity_effect
from optimoe.laws.factors.sharing import sharing_effect

EFFECTS: dict[str, Callable[[ArchSpec, Find], DesignEffect]] = {
    "granularity": granularity_effect,
    "sharing": sharing_effect,
}
"""Effects by the names that a law's row lists."""

EXPERT_ATTENTION = "expert_attention"
"""The effect that moves with the training budget, and at whose best ratio everything else of a design is read."""


def design_factor(effects: Iterable[DesignEffect]) -> Values:
    """Product of the factors of a design; 1 without any."""
    factor: Values = 1.0
    for effect in effects:
        factor = np.multiply(factor, effect.factor)
    return factor


def design_effects(
    names: Sequence[str], arch: ArchSpec, find: Find, train_flops: float = 0.0
) -> tuple[DesignEffect, ...]:
    """The effects of a design, by their names in a law's row.

    Args:
        names: Of :data:`EFFECTS`, and :data:`EXPERT_ATTENTION`.
        arch: The design, or a grid of them.
        find: The library.
        train_flops: The budget at which the latter is taken; its own reference when 0.

    Raises:
        UnknownNameError: A name that is none of these.
    """
    for name in names:
        if name not in (*EFFECTS, EXPERT_ATTENTION):
            raise UnknownNameError("factors", name, (*EFFECTS, EXPERT_ATTENTION))
    read = as_read(names, arch, find, train_flops)
    return tuple(
        EFFECTS[name](read, find) if name in EFFECTS else expert_attention_effect(arch, find, train_flops)
        for name in names
    )


def as_read(names: Sequence[str], arch: ArchSpec, find: Find, train_flops: float = 0.0) -> ArchSpec:
    """The design whose N_total/N_act and other effects count: itself, or where r has an effect that at r*."""
    return at_best_ratio(arch, find, train_flops) if EXPERT_ATTENTION in names else arch
