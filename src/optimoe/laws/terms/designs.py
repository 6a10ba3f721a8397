"""What laws ask about an architecture: its experts, and which counts of them they compare."""

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values

EXPERT_CHOICES = 2.0 ** np.arange(7)
"""1, 2, 4, …, 64 experts."""

EXPERTS_SEARCHED = {"num_experts": (0.0, float(EXPERT_CHOICES[-1]))}
"""Ends of a search over them: 64 is where it stops, fewer than one expert there is not."""


def num_experts(arch: ArchSpec) -> Values:
    """Routed experts per layer, 1 when dense."""
    return arch.moe.num_experts if arch.moe else 1
