"""The designs that a plan chooses from: families of experts, widths and depths."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import require, require_positive

COARSE_DEPTHS = 5


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Widths and depths, side by side: design i has ``d_model[i]`` and ``num_layers[i]``."""

    d_model: Int[np.ndarray, " designs"]
    num_layers: Int[np.ndarray, " designs"]


@dataclass(frozen=True, kw_only=True)
class Space:
    """Decoders with GQA and gated feed-forwards, dense or with routed experts in every layer.

    Attributes:
        num_experts: Expert counts E to compare; 1 is dense.
        top_k: Routed experts per token of the models that route.
        ffn_ratio: Hidden width over d_model, of the dense feed-forward and of one expert. 3 is that of the
            joint law's runs (Ludziejewski 2025, Sec. 4).
        min_aspect, max_aspect: Bounds on d_model/num_layers: 64 in those runs, 128 in Mixtral 8x7B.
        head_dim: Width of a head.
        num_kv_heads: Key-value heads; widths are multiples of head_dim · num_kv_heads.
        vocab_size: 50,304 is GPT-2's vocabulary of the law's runs, padded to a multiple of 64.
        max_width: Largest d_model.

    Raises:
        ConfigError: A count is not positive, or some E < k.
    """

    num_experts: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    top_k: int = 1
    ffn_ratio: float = 3.0
    min_aspect: float = 64.0
    max_aspect: float = 128.0
    head_dim: int = 128
    num_kv_heads: int = 8
    vocab_size: int = 50_304
    max_width: int = 16_384

    def __post_init__(self) -> None:
        require_positive(
            self, "top_k", "ffn_ratio", "min_aspect", "head_dim", "num_kv_heads", "vocab_size", "max_width"
        )
        require(len(self.num_experts) > 0, "num_experts", "one count or more", self.num_experts)
        for experts in self.num_experts:
            limit = f"1 (dense) or at least top_k = {self.top_k}"
            require(experts == 1 or experts >= self.top_k > 0, "num_experts", limit, experts)
        require(self.max_aspect >= self.min_aspect, "max_aspect", "at least min_aspect", self.max_aspect)
        require(
            self.max_width >= self.width_step,
            "max_width",
            f"at least head_dim · num_kv_heads = {self.width_step}",
            self.max_width,
        )

    @property
    def width_step(self) -> int:
        """Widths are multiples of this, so that heads divide by the key-value heads."""
        return self.head_dim * self.num_kv_heads

    def coarse(self) -> Shapes:
        """Every width, with five depths each from shallow to deep."""
        return self._shapes(
            lambda depths: np.unique(np.linspace(depths[0], depths[-1], COARSE_DEPTHS).astype(int))
        )

    def every(self) -> Shapes:
        """Every width with every depth: what the refinement stands for."""
        return self._shapes(lambda depths: depths)

    def around(self, d_model: int, num_layers: int) -> Shapes:
        """Every depth, between the coarse neighbours, of the widths next to a design."""
        every = self.every()
        near = np.abs(every.d_model - d_model) <= self.width_step
        span = max(1, int(np.ceil(num_layers / (COARSE_DEPTHS - 1))))
        same = (every.d_model == d_model) & (np.abs(every.num_layers - num_layers) > span)
        keep = near & ~same
        return Shapes(d_model=every.d_model[keep], num_layers=every.num_layers[keep])

    def designs(self, experts: int, shapes: Shapes) -> ArchSpec:
        """A grid of designs with one expert count, one for each shape."""
        width: Any = shapes.d_model  # arrays where a single design has integers: a grid
        depth: Any = shapes.num_layers
        d_hidden: Any = (np.round(width * self.ffn_ratio / 64) * 64).astype(int)
        ffn: FeedForward = (
            DenseFFN(d_ff=d_hidden)
            if experts == 1
            else MoE(num_experts=experts, top_k=self.top_k, d_expert=d_hidden)
        )
        attention = Attention(
            num_heads=width // self.head_dim,
            num_kv_heads=self.num_kv_heads,
            head_dim=self.head_dim,
        )
        return ArchSpec(
            name="dense" if experts == 1 else f"moe-e{experts}-top{self.top_k}",
            vocab_size=self.vocab_size,
            d_model=width,
            layers=(LayerGroup(num_layers=depth, mixer=attention, ffn=ffn),),
        )

    def _shapes(self, choose: Callable[[np.ndarray], np.ndarray]) -> Shapes:
        widths = np.arange(self.width_step, self.max_width + 1, self.width_step)
        depths = [choose(self._depths(int(width))) for width in widths]
        return Shapes(d_model=np.repeat(widths, [len(own) for own in depths]), num_layers=np.concatenate(depths))

    def _depths(self, width: int) -> Int[np.ndarray, " depths"]:
        shallow = max(1, int(np.ceil(width / self.max_aspect)))
        return np.arange(shallow, max(shallow, int(width / self.min_aspect)) + 1)
