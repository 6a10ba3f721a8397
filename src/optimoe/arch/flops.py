"""FLOPs per token by part. A multiply-add is two FLOPs; matrix products count, element-wise work does not.

Scores and their product with the values cost 4·h·d_h FLOPs per attended token and layer. A lookup in the
embedding costs none.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

from optimoe.arch.params import attention_matrix_params, ffn_matrix_params
from optimoe.arch.spec import ArchSpec, Attention, FeedForward
from optimoe.core.errors import require

Recompute = Literal["none", "full"]
TRAIN_PASSES: dict[Recompute, int] = {"none": 3, "full": 4}
"""Forward-equivalents of a training step: backward costs two forwards, full recomputation one more."""


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """FLOPs of one token's forward pass through the whole model, by part."""

    attention_projections: float
    attention_scores: float
    router: float
    dense_ffn: float
    shared_experts: float
    routed_experts: float
    unembedding: float

    @property
    def total(self) -> float:
        """All parts together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def attention(self) -> float:
        """Projections and scores: C_A of Li et al. 2026."""
        return self.attention_projections + self.attention_scores

    @property
    def experts(self) -> float:
        """Router, shared and routed experts: C_E of Li et al. 2026."""
        return self.router + self.shared_experts + self.routed_experts


def decode_flops(arch: ArchSpec, position: float) -> FlopCount:
    """FLOPs of one token that attends to ``position`` tokens, itself included.

    Args:
        arch: A design or a grid of designs.
        position: Attended tokens (before any sliding window).
    """
    require(position > 0, "position", "positive", position)
    return _forward(arch, lambda window: minimum(position, window))


def prefill_flops(arch: ArchSpec, length: float) -> FlopCount:
    """FLOPs per token of a causal pass over ``length`` tokens: token i attends to min(i, window) tokens.

    The mean is (length + 1)/2 without a window, and w·(1 − (w − 1)/(2·length)) with a window w ≤ length.
    """
    require(length > 0, "length", "positive", length)

    def mean_attended(window: int) -> float:
        seen = minimum(length, window)
        return seen * (1 - (seen - 1) / (2 * length))

    return _forward(arch, mean_attended)


def train_flops_per_token(arch: ArchSpec, length: float, recompute: Recompute = "none") -> float:
    """FLOPs per trained token on sequences of ``length``: 3 forward passes, 4 with full recomputation."""
    return TRAIN_PASSES[recompute] * prefill_flops(arch, length).total


def expert_attention_ratio(arch: ArchSpec, context: float) -> float:
    """R = C_E / C_A: FLOPs in expert layers over FLOPs in attention layers (a ratio, not a share).

    Counted as Li et al. 2026 (App. C, values term corrected to 2·n²·d) do: every token attends to the whole
    context, without the causal half. A dense model has no expert layers and r = 0.
    """
    flops = decode_flops(arch, context)
    return flops.experts / flops.attention


def _forward(arch: ArchSpec, attended: Callable[[int], float]) -> FlopCount:
    d = arch.d_model
    sums: dict[str, float] = {field.name: 0 for field in fields(FlopCount)}
    for group in arch.layers:
        attention = group.attention
        parts = {
            "attention_projections": 2 * attention_matrix_params(attention, d),
            "attention_scores": score_flops(attention, attended(attention.window_tokens)),
            **_ffn_flops(group.ffn, d),
        }
        for part, flops in parts.items():
            sums[part] = sums[part] + group.num_layers * flops
    sums["unembedding"] = 2 * d * arch.vocab_size
    return FlopCount(**sums)


def score_flops(attention: Attention, attended: float) -> float:
    """Scores and weighted values of one token in one layer: 2·h·d_h each, per attended token."""
    return 4 * attention.num_heads * attention.head_dim * attended


def _ffn_flops(ffn: FeedForward, d_model: int) -> dict[str, float]:
    """Two FLOPs per weight of each matrix that a token passes."""
    params = ffn_matrix_params(ffn, d_model)
    if "routed_experts" in params:
        params["routed_experts"] = params.pop("routed_experts_active")
    return {part: 2 * weights for part, weights in params.items()}


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two numbers or arrays; NumPy is loaded for arrays only."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return min(left, right)
    import numpy as np

    return np.minimum(left, right)
