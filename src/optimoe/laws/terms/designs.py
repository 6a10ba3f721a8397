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


def routing_concerns(
    arch: ArchSpec, *, top_k: int = 0, experts: int = 0, shared: bool = False, mixed: bool = False
) -> tuple[str, ...]:
    """What is unusual about the routing of a design, in words.

    Args:
        arch: The design; a dense one raises no concern.
        top_k: The only k of the runs; 0 when they varied it.
        experts: The only E of the runs; 0 when they varied it.
        shared: Whether there were shared experts.
        mixed: Whether there were layers of several kinds.
    """
    moe = arch.moe
    if moe is None:
        return ()
    concerns = []
    if top_k and np.any(np.not_equal(moe.top_k, top_k)):
        concerns.append(f"top-{np.max(moe.top_k)} routing (fitted on top-{top_k})")
    if experts and np.any(np.not_equal(moe.num_experts, experts)):
        concerns.append(f"{np.max(moe.num_experts)} experts (fitted on {experts})")
    if not shared and np.any(moe.num_shared_experts):
        concerns.append("shared experts (fitted without)")
    if not mixed and any(group.ffn != moe for group in arch.layers[1:]):
        concerns.append("layers of several kinds (fitted with one)")
    return tuple(concerns)
