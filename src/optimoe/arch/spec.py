"""The description of a decoder: attention, feed-forward and layers, put together by composition.

Every count may be an integer or an array of integers. A specification with array fields is a *grid of
designs*: all formulas of this package then return arrays, by the same code.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from optimoe.core.errors import require, require_positive

UNLIMITED_WINDOW = 2**62
"""Attention over the whole context: a window that no context reaches, in tokens."""

FFN_MATRICES_GATED, FFN_MATRICES_PLAIN = 3, 2


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Softmax attention: MHA (``num_kv_heads = num_heads``), GQA, or MQA (``num_kv_heads = 1``).

    Attributes:
        num_heads: Query heads.
        num_kv_heads: Key and value heads; divides ``num_heads``.
        head_dim: Width of a head.
        qkv_bias: Whether the query, key and value projections add a bias.
        output_bias: Whether the output projection adds a bias.
        window_tokens: A token sees at most so many tokens, itself included.

    Raises:
        ConfigError: A count is not positive, or the key-value heads do not divide the heads.
    """

    num_heads: int
    num_kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    output_bias: bool = False
    window_tokens: int = UNLIMITED_WINDOW

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "num_kv_heads", "head_dim", "window_tokens")
        require(
            self.num_heads % self.num_kv_heads == 0,
            "num_kv_heads",
            f"a divisor of num_heads = {self.num_heads}",
            self.num_kv_heads,
        )


@dataclass(frozen=True, kw_only=True)
class DenseFFN:
    """One feed-forward network that every token passes.

    Attributes:
        d_ff: Hidden width.
        gated: SwiGLU-like with three matrices, or plain with two.
        bias: Whether each matrix adds a bias.

    Raises:
        ConfigError: The width is not positive.
    """

    d_ff: int
    gated: bool = True
    bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_ff")


@dataclass(frozen=True, kw_only=True)
class MoE:
    """Routed experts, of which a token takes ``top_k``, and shared experts that every token takes.

    Attributes:
        num_experts: Routed experts, E.
        top_k: Routed experts per token, k.
        d_expert: Hidden width of a routed expert.
        num_shared_experts: Always-on experts, E_s.
        d_shared: Hidden width of a shared expert.
        gated: Three matrices per expert (SwiGLU-like), or two.

    Raises:
        ConfigError: A count is not positive, or E < k.
    """

    num_experts: int
    top_k: int
    d_expert: int
    num_shared_experts: int = 0
    d_shared: int = 0
    gated: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "num_experts", "top_k", "d_expert")
        require(
            self.top_k <= self.num_experts,
            "top_k",
            f"at most num_experts = {self.num_experts}",
            self.top_k,
        )
        require(self.num_shared_experts >= 0, "num_shared_experts", "zero or more", self.num_shared_experts)
        require(
            (self.num_shared_experts == 0) == (self.d_shared == 0),
            "d_shared",
            "positive exactly when there are shared experts",
            self.d_shared,
        )


FeedForward = DenseFFN | MoE


@dataclass(frozen=True, kw_only=True)
class LayerGroup:
    """Consecutive layers of one kind.

    Raises:
        ConfigError: There is no layer in it.
    """

    num_layers: int
    attention: Attention
    ffn: FeedForward

    def __post_init__(self) -> None:
        require_positive(self, "num_layers")


@dataclass(frozen=True, kw_only=True)
class ArchSpec:
    """A decoder-only transformer with two RMS norms per layer and one at the end.

    Attributes:
        name: What to call it.
        vocab_size: Rows of the embedding.
        d_model: Width of the residual stream.
        layers: Groups of equal layers, from the input up.
        tied_embeddings: Whether the unembedding is the embedding's transpose, stored once.

    Raises:
        ConfigError: A count is not positive or there is no layer.
    """

    name: str
    vocab_size: int
    d_model: int
    layers: tuple[LayerGroup, ...]
    tied_embeddings: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "vocab_size", "d_model")
        require(len(self.layers) > 0, "layers", "one group or more", len(self.layers))

    @property
    def num_layers(self) -> int:
        """Layers of all groups."""
        return sum(group.num_layers for group in self.layers)

    @property
    def moe(self) -> MoE | None:
        """The feed-forward of the first group with routed experts; none in a dense model."""
        return next((group.ffn for group in self.layers if isinstance(group.ffn, MoE)), None)

    def at(self, index: Any) -> "ArchSpec":
        """One design (or a sub-grid) out of a grid: each array field at ``index``."""
        return _at(self, index)

    def over(self, axes: int) -> "ArchSpec":
        """The same grid with so many axes appended, to broadcast against layouts and batches."""
        return _at(self, (..., *[None] * axes)) if axes else self


def _at(part: Any, index: Any) -> Any:
    """The dataclass with every array in it indexed; an element becomes a plain integer."""
    changes = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(_at(item, index) for item in value)
        elif hasattr(value, "__dataclass_fields__"):
            changes[field.name] = _at(value, index)
        elif getattr(value, "ndim", 0):
            item = value[index]
            changes[field.name] = item if getattr(item, "ndim", 0) else item.item()
    return replace(part, **changes) if changes else part


def describe(arch: ArchSpec) -> dict[str, Any]:
    """A flat summary of a design for tables and JSON: the first attention, and the first MoE or dense FFN."""
    attention = arch.layers[0].attention
    summary: dict[str, Any] = {
        "name": arch.name,
        "kind": kind(arch),
        "num_layers": arch.num_layers,
        "d_model": arch.d_model,
        "num_heads": attention.num_heads,
        "num_kv_heads": attention.num_kv_heads,
        "head_dim": attention.head_dim,
        "vocab_size": arch.vocab_size,
        "tied_embeddings": arch.tied_embeddings,
    }
    moe = arch.moe
    dense = next((group.ffn for group in arch.layers if isinstance(group.ffn, DenseFFN)), None)
    if dense is not None:
        summary["d_ff"] = dense.d_ff
    return summary | {
        "num_experts": moe.num_experts if moe else 1,
        "top_k": moe.top_k if moe else 1,
        "num_shared_experts": moe.num_shared_experts if moe else 0,
        "d_expert": moe.d_expert if moe else summary["d_ff"],
    }


def kind(arch: ArchSpec) -> Literal["moe", "dense"]:
    """Whether any layer routes."""
    return "moe" if arch.moe else "dense"
