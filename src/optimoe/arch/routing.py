"""What a batch of routed tokens does to the experts of a layer."""

from typing import Any


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
