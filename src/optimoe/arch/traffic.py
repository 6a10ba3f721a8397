"""What a batch touches and what a token sends: distinct experts, bytes between GPUs, serial collectives."""

from typing import Any

from optimoe.arch.parts import PEER, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup

ALL_TO_ALLS_PER_MOE_LAYER = 2
"""Dispatch to the experts' GPUs, and combine."""


def expected_distinct_experts(num_experts: Any, top_k: Any, tokens: Any) -> Any:
    """Expected number of different experts that a batch touches in one layer.

    E·(1 − (1 − k/E)^T) for T tokens routed independently and uniformly (Epoch AI 2024; Erdil 2025,
    arXiv 2506.04645, Sec. 3.6). Skewed or correlated routing touches fewer: an upper estimate.

    Args:
        num_experts: E; any argument may be an array.
        top_k: k, at most E.
        tokens: T.
    """
    return num_experts * (1 - (1 - top_k / num_experts) ** tokens)


def expected_routed_params(ffn: FeedForward, d_model: Any, tokens: Any) -> Any:
    """Weights of routed experts that a batch reads in one layer: distinct experts times their size; 0 when dense.

    A PEER head draws ``top_k`` of n² two-vector experts; heads are taken as independent draws.
    """
    if isinstance(ffn, MoE):
        distinct = expected_distinct_experts(ffn.num_experts, ffn.mean_top_k, tokens)
        return distinct * ffn.expert_params(d_model)
    if isinstance(ffn, PEER):
        return expected_distinct_experts(ffn.num_keys**2, ffn.top_k, tokens * ffn.num_heads) * 2 * d_model
    return 0


def expected_expert_ranks(top_k: Any, ep: Any) -> Any:
    """Expected number of different ranks that hold a token's k experts: R·(1 − (1 − 1/R)^k), uniform routing."""
    return ep * (1 - (1 - 1 / ep) ** top_k)


def all_reduce_bytes_per_token(arch: ArchSpec, bytes_per_activation: float = 2.0) -> float:
    """Payload of one tensor-parallel all-reduce for one token: d values (bf16 by default)."""
    return arch.d_model * bytes_per_activation


def expert_parallel_bytes_per_token(
    arch: ArchSpec, ep: Any, dispatch_bytes: float = 2.0, combine_bytes: float = 2.0
) -> Any:
    """Bytes that one token sends to other ranks over all routed layers: dispatch and combine.

    Σ layers · ranks·(R − 1)/R · d · (bytes of a dispatched + of a combined activation), each remote rank once
    (DeepEP-like), tokens and experts spread evenly over R = ``ep`` ranks.
    """
    width = arch.d_model * (dispatch_bytes + combine_bytes)
    return sum(
        group.num_layers * expected_expert_ranks(group.ffn.mean_top_k, ep) * (ep - 1) / ep * width
        for group in arch.layers
        if isinstance(group.ffn, MoE)
    )


def pipeline_bytes_per_token(arch: ArchSpec, pp: Any, bytes_per_activation: float = 2.0) -> Any:
    """Bytes that one token sends between pipeline stages: (stages − 1)·n·d values, n streams of the residual."""
    return (pp - 1) * arch.num_streams * all_reduce_bytes_per_token(arch, bytes_per_activation)


def tensor_parallel_collectives(arch: ArchSpec) -> int:
    """All-reduces of one forward pass that must follow each other: one after each mixer and each feed-forward.

    As Megatron-LM splits them (arXiv 1909.08053, Sec. 3); engines that add two parallel parts first send one less.
    """
    return sum(group.num_layers * all_reduces(group) for group in arch.layers)


def all_reduces(group: LayerGroup) -> int:
    """All-reduces of one layer, or dispatch and combine in place of one: one for each part that it has."""
    return (not group.mixer.absent) + (not group.ffn.absent)


def expert_parallel_collectives(arch: ArchSpec) -> int:
    """All-to-alls of one forward pass that must follow each other: two per routed layer."""
    routed = sum(group.num_layers for group in arch.layers if isinstance(group.ffn, MoE))
    return ALL_TO_ALLS_PER_MOE_LAYER * routed
