"""Models and GPUs as Erdil 2025 (arXiv 2506.04645) and its repository state them.

A model of the catalog of ``arch`` has its shape from there; a row of the paper says only what it states otherwise.
"""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.catalog import find_model
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.config import build, load_facts
from optimoe.core.errors import UnknownNameError

BYTES = 2
"""Of a weight and of an activation: the repository's 16 bit."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model of the paper.

    ``group_size`` query heads share a key-value head; ``experts`` and ``active`` are 1 when dense.
    """

    d_model: int
    d_ff: int
    gated: bool
    layers: int
    heads: int
    d_head: int
    group_size: int
    vocab: int
    experts: int = 1
    active: int = 1

    @property
    def kv_heads(self) -> float:
        """Key heads and value heads together."""
        return 2 * self.heads / self.group_size

    @property
    def d_qkv(self) -> float:
        """Width of queries, keys and values together: (n_h + n_kv)·d_head."""
        return (self.heads + self.kv_heads) * self.d_head

    @property
    def ffn_matrices(self) -> int:
        """Matrices of one feed-forward."""
        return 3 if self.gated else 2

    @property
    def sparsity(self) -> float:
        """s: experts over active ones."""
        return self.experts / self.active

    @property
    def attention_params(self) -> float:
        """Parameters of the attention projections of all layers."""
        return self.layers * (self.d_qkv + self.heads * self.d_head) * self.d_model

    @property
    def ffn_params(self) -> float:
        """Parameters of the feed-forwards of all layers, every expert."""
        return self.layers * self.experts * self.ffn_matrices * self.d_model * self.d_ff

    @property
    def embedding_params(self) -> float:
        """Parameters of one embedding matrix: vocabulary · d_model."""
        return self.vocab * self.d_model

    @property
    def params_total(self) -> float:
        """Parameters of the whole model, both embeddings."""
        return self.attention_params + self.ffn_params + 2 * self.embedding_params

    @property
    def params_active(self) -> float:
        """Parameters that one token uses, both embeddings."""
        return self.attention_params + self.ffn_params / self.sparsity + 2 * self.embedding_params

    @property
    def kv_bytes_per_token(self) -> float:
        """Bytes of the cache of one token: n_kv·d_head·layers values."""
        return BYTES * self.kv_heads * self.d_head * self.layers

    def held_bytes(self, batch: Values, context: float) -> Values:
        """Bytes of the weights and of the caches of a batch."""
        return BYTES * self.params_total + self.kv_bytes_per_token * context * batch


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU of the paper. The link bandwidths are those of an all-reduce: half of what one direction reads."""

    flops_per_s: float
    hbm_bytes_per_s: float
    hbm_bytes: float
    intra_bytes_per_s: float
    inter_bytes_per_s: float
    usd_per_hour: float


def find_shape(name: str) -> Shape:
    """A model of the paper.

    Raises:
        UnknownNameError: No such model.
    """
    models = load_facts("optimoe.cost", "published.toml")["erdil2025"]["model"]
    if name not in models:
        raise UnknownNameError("erdil2025: model", name, models)
    row = dict(models[name])
    known = catalog_shape(find_model(row.pop("catalog"))) if "catalog" in row else {}
    return build(Shape, known | row, where=f"model {name}")


def catalog_shape(arch: ArchSpec) -> dict[str, Any]:
    """The fields of :class:`Shape` of a model of equal layers with grouped heads."""
    (layers,) = arch.layers
    mixer, ffn = layers.mixer, layers.ffn
    assert isinstance(mixer, Attention)
    assert isinstance(ffn, MoE | DenseFFN)
    routed = {"experts": ffn.num_experts, "active": ffn.top_k} if isinstance(ffn, MoE) else {}
    return {
        "d_model": arch.d_model,
        "d_ff": ffn.d_expert if isinstance(ffn, MoE) else ffn.d_ff,
        "gated": ffn.gated,
        "layers": layers.num_layers,
        "heads": mixer.num_heads,
        "d_head": mixer.head_dim,
        "group_size": mixer.num_heads // mixer.num_kv_heads,
        "vocab": arch.vocab_size,
    } | routed


def find_gpu(name: str) -> Gpu:
    """A GPU of the paper.

    Raises:
        UnknownNameError: No such GPU.
    """
    gpus = load_facts("optimoe.cost", "published.toml")["erdil2025"]["gpu"]
    if name not in gpus:
        raise UnknownNameError("erdil2025: gpu", name, gpus)
    return build(Gpu, {key: float(value) for key, value in gpus[name].items()}, where=f"gpu {name}")
