"""Models by name, and where a MODEL on the command line is looked for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optimoe.arch.hf import from_config, load_config
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup, Norm
from optimoe.core.config import build, load_facts
from optimoe.core.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True)
class StatedShape:
    """A decoder of equal layers as a text states it, where there is no ``config.json`` of it.

    Attributes:
        d_model, num_layers, vocab_size: As in :class:`ArchSpec`.
        d_ff: Hidden width of the feed-forward, or of one expert.
        num_heads, num_kv_heads, head_dim: Of the attention.
        num_experts, top_k: E and k; E = 1 is dense.
        gated: Three matrices per feed-forward, or two.
        bias: Whether every matrix of attention and of a dense feed-forward adds a bias.
        norm, tied_embeddings, num_positions: As in :class:`ArchSpec`.
    """

    d_model: int
    num_layers: int
    vocab_size: int
    d_ff: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    num_experts: int = 1
    top_k: int = 1
    gated: bool = False
    bias: bool = False
    norm: Norm = "rms"
    tied_embeddings: bool = False
    num_positions: int = 0

    def spec(self, name: str) -> ArchSpec:
        """The architecture of this shape.

        Raises:
            ConfigError: A count is not positive, or E < k.
        """
        attention = Attention(
            num_heads=self.num_heads,
            num_kv_heads=self.num_kv_heads,
            head_dim=self.head_dim,
            qkv_bias=self.bias,
            output_bias=self.bias,
        )
        ffn = (
            DenseFFN(d_ff=self.d_ff, gated=self.gated, bias=self.bias)
            if self.num_experts == 1
            else MoE(num_experts=self.num_experts, top_k=self.top_k, d_expert=self.d_ff, gated=self.gated)
        )
        return ArchSpec(
            name=name,
            vocab_size=self.vocab_size,
            d_model=self.d_model,
            layers=(LayerGroup(num_layers=self.num_layers, mixer=attention, ffn=ffn),),
            norm=self.norm,
            tied_embeddings=self.tied_embeddings,
            num_positions=self.num_positions,
        )


def model_names() -> tuple[str, ...]:
    """The names of the catalog."""
    return tuple(load_facts("optimoe.arch", "models.toml")["model"])


def find_model(model: str) -> ArchSpec:
    """A model by catalog name, by ``config.json``, or by the folder that holds one.

    Raises:
        UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
        ConfigError: The file is no usable ``config.json``.
    """
    models = load_facts("optimoe.arch", "models.toml")["model"]
    if model.lower() in models:
        return _of_row(model.lower(), models[model.lower()])
    path = Path(model)
    if path.exists() or path.suffix == ".json":
        return load_config(path)
    raise UnknownNameError("model", model, models)


def _of_row(name: str, row: dict[str, Any]) -> ArchSpec:
    """The model of a row: by its makers' ``config``, or by the ``shape`` that a text states."""
    if "config" in row:
        return from_config(row["config"], name=name)
    shape = build(StatedShape, row["shape"], where=f"models.toml: {name}")
    return replace(shape.spec(name), speculated=row.get("speculated", ""))
