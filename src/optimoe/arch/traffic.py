"""Bytes sent between GPUs, and how many collectives stand one behind the other."""

from optimoe.arch.spec import ArchSpec

ALL_REDUCES_PER_LAYER = 2
"""One after attention, one after the feed-forward (Megatron-LM, arXiv 1909.08053, Sec. 3)."""


def tensor_parallel_collectives(arch: ArchSpec) -> int:
    """All-reduces of one forward pass that must follow each other: two per layer."""
    return ALL_REDUCES_PER_LAYER * arch.num_layers


def all_reduce_bytes_per_token(arch: ArchSpec, bytes_per_activation: float = 2.0) -> float:
    """Payload of one all-reduce for one token: d values (bf16 by default)."""
    return arch.d_model * bytes_per_activation
