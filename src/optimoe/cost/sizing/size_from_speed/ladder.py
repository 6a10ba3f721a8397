"""A ladder of typical models from small to large, served on the same GPUs at the same speed and batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimoe.arch.design import EXPERT_STEP, DesignTarget
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import require, require_positive
from optimoe.core.grid import take
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.sizing.layouts import cheapest_serving

# From 0.2B parameters (dense, 8 layers) to 3T (dense, 256 layers), each rung 7 % larger than the one below in the
# median: far within the error of the cost model, and a grid of them takes little longer than one model.
WIDTHS = np.unique(np.round(np.geomspace(1024, 32_768, 151) / EXPERT_STEP).astype(int) * EXPERT_STEP)
"""Widths d_model of the models of a ladder."""


@dataclass(frozen=True, kw_only=True)
class ExpertCount:
    """How many experts a model has, and how many a token uses; one expert is a dense model.

    Attributes:
        num_experts: E, routed experts of every layer.
        top_k: k, those that a token uses.

    Raises:
        ConfigError: A number is not positive, or a token would use more experts than there are.
    """

    num_experts: int = 1
    top_k: int = 1

    def __post_init__(self) -> None:
        require_positive(self, "num_experts", "top_k")
        require(self.top_k <= self.num_experts, "top_k", f"at most num_experts = {self.num_experts}", self.top_k)

    @property
    def dense(self) -> bool:
        """Whether there is nothing to route."""
        return self.num_experts == 1


@dataclass(frozen=True, kw_only=True)
class TypicalShape:
    """What all models of a ladder have in common; they differ in width, from which the depth follows.

    Gated feed-forwards in every layer; the experts that a token uses are together as wide as the feed-forward of
    the dense model, as in Qwen3-235B-A22B (8 of 1,536 at a width of 4,096).

    Attributes:
        aspect: d_model over the number of layers.
        ffn_ratio: Hidden width of the dense feed-forward over d_model.
        head_dim: Width of a head.
        num_kv_heads: Key-value heads of grouped attention.
        vocab_size: Rows of both embeddings.

    Raises:
        ConfigError: A number is not positive.
    """

    aspect: float = DesignTarget.aspect
    ffn_ratio: float = 3.0
    head_dim: int = DesignTarget.head_dim
    num_kv_heads: int = DesignTarget.num_kv_heads
    vocab_size: int = DesignTarget.vocab_size

    def __post_init__(self) -> None:
        require_positive(self, "aspect", "ffn_ratio", "head_dim", "num_kv_heads", "vocab_size")

    def models(self, width: Any, num_experts: Any, top_k: Any) -> ArchSpec:
        """A grid of models, all dense or all routed: d/aspect layers, heads that come nearest to spanning d.

        Args:
            width: d_model, an array over the models, as are the others.
            num_experts: E.
            top_k: k.
        """
        dense = bool(np.all(num_experts == 1))
        heads: Any = np.maximum(np.round(width / (self.head_dim * self.num_kv_heads)), 1).astype(int)
        hidden: Any = (
            np.maximum(np.round(self.ffn_ratio * width / top_k / EXPERT_STEP), 1).astype(int) * EXPERT_STEP
        )
        ffn: FeedForward = DenseFFN(d_ff=hidden)
        if not dense:
            ffn = MoE(num_experts=num_experts, top_k=top_k, d_expert=hidden)
        attention = Attention(
            num_heads=heads * self.num_kv_heads, num_kv_heads=self.num_kv_heads, head_dim=self.head_dim
        )
        depth: Any = np.maximum(np.round(width / self.aspect), 1).astype(int)
        return ArchSpec(
            name="dense" if dense else "moe",
            vocab_size=self.vocab_size,
            d_model=width,
            layers=(LayerGroup(num_layers=depth, mixer=attention, ffn=ffn),),
        )


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The models of one number of experts, the smallest first, each as it is served cheapest within the limits.

    Attributes:
        experts: Their experts.
        models: The models, a grid.
        serving: Arrays over the models; ``tokens_per_s`` is 0 where nothing keeps the limits.
    """

    experts: ExpertCount
    models: ArchSpec
    serving: ServingEstimate

    def __repr__(self) -> str:
        """How many experts its models have and how many models are served, in one line."""
        served = int(np.sum(np.asarray(self.serving.tokens_per_s) > 0))
        experts = f"E={self.experts.num_experts}, k={self.experts.top_k}"
        return f"Ladder({experts}, {served} of {self.num_rungs} are served)"

    def last(self, usd_per_mtok: float) -> int:
        """The largest model that is served for at most so much per million output tokens; −1 where none is."""
        enough = np.asarray(self.serving.tokens_per_s) > 0
        if np.isfinite(usd_per_mtok):
            enough &= np.asarray(self.serving.usd_per_mtok) <= usd_per_mtok
        return int(np.flatnonzero(enough)[-1]) if enough.any() else -1

    @property
    def num_rungs(self) -> int:
        """Number of models of the ladder."""
        return len(np.asarray(self.serving.tokens_per_s))

    def params(self, rung: int) -> tuple[float, float]:
        """Total and active parameters of one of its models."""
        counted = count_params(take(self.models, rung))
        return float(counted.total), float(counted.active)

    def sizes(self, usd_per_mtok: float) -> tuple[float, float]:
        """Total and active parameters of the largest model that is served for at most so much; 0 where none is."""
        last = self.last(usd_per_mtok)
        return self.params(last) if last >= 0 else (0.0, 0.0)


def ladders(
    shape: TypicalShape, kinds: Sequence[ExpertCount], deployment: Deployment, concurrency: float | None = None
) -> list[Ladder]:
    """Serve a ladder of each number of experts, those that route in one grid of models × layouts × batches.

    Args:
        shape: What the models have in common.
        kinds: Their experts.
        deployment: GPUs, requests, engine, price, and the limits, among them the speed of a user.
        concurrency: Requests in flight; left out, the most that fit and keep the limits.

    Raises:
        UnknownNameError: No such precision.
    """
    found: dict[ExpertCount, Ladder] = {}
    for dense in (True, False):
        kind = [experts for experts in dict.fromkeys(kinds) if experts.dense == dense]
        if not kind:
            continue
        num_experts, top_k = (
            np.repeat([getattr(experts, name) for experts in kind], len(WIDTHS))
            for name in ("num_experts", "top_k")
        )
        models = shape.models(np.tile(WIDTHS, len(kind)), num_experts, top_k)
        serving = cheapest_serving(models, deployment, concurrency=concurrency)
        for place, experts in enumerate(kind):
            here = slice(place * len(WIDTHS), (place + 1) * len(WIDTHS))
            found[experts] = Ladder(experts=experts, models=models.at(here), serving=take(serving, here))
    return [found[experts] for experts in kinds]
