"""What laws ask about an architecture: its experts, its active share, what is odd about its routing."""

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values

EXPERT_CHOICES = 2.0 ** np.arange(7)
"""1, 2, 4, …, 64 experts."""


def num_experts(arch: ArchSpec) -> Values:
    """Routed experts per layer, 1 when dense."""
    return arch.moe.num_experts if arch.moe else 1


def active_share(arch: ArchSpec) -> Values:
    """Experts that a token uses over all experts of a layer, shared ones counted in both; 1 when dense."""
    moe = arch.moe
    if moe is None:
        return 1.0
    return (moe.top_k + moe.num_shared_experts) / (moe.num_experts + moe.num_shared_experts)
