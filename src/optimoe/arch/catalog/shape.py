"""A decoder as a person or a text states it by hand: widths, heads and experts, where there is no ``config.json``.

One reader for the catalog's rows, for files of parts (TOML, JSON) and for ``d_model=4096,num_layers=48,…``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from optimoe.arch.parts import (
    MIXERS,
    UNLIMITED_WINDOW,
    Attention,
    DenseFFN,
    FeedForward,
    LatentAttention,
    Mixer,
    MoE,
    QkNorm,
    read_part,
)
from optimoe.arch.spec import MOST_LAYERS, ArchSpec, LayerGroup, Norm, grouped
from optimoe.core.config import build
from optimoe.core.errors import ConfigError, require, require_positive

AttentionWord = Literal["gqa", "mha", "mla"]

WHOLE_MODEL = (
    "vocab_size",
    "d_model",
    "norm",
    "tied_embeddings",
    "num_positions",
    "num_mtp_layers",
    "max_context",
)
"""What is stated of a model and not of some of its layers."""


@dataclass(frozen=True, kw_only=True)
class StatedShape:
    """A decoder as it is stated by hand; what is left out follows from the rest, as each line says.

    Attributes:
        d_model, num_layers, vocab_size: As in :class:`ArchSpec`.
        d_ff: Hidden width of the dense feed-forwards; needed where some layer is dense.
        num_heads: Query heads; needed unless a ``mixer`` is stated.
        num_kv_heads: Key-value heads; left out (0), as many as heads.
        head_dim: Width of a head; left out (0), d_model over heads.
        attention: Grouped heads, a key-value head for each, or latent attention.
        kv_lora_rank, qk_rope_dim: Of latent attention; left out (0), 4·head_dim and head_dim/2, DeepSeek-V2's
            proportions (arXiv 2405.04434, Sec. 2.1.3).
        q_lora_rank: Of latent attention: width of compressed queries; 0 compresses none.
        qk_norm, output_gate, bias: Norms of queries and keys, a gate of the output, and whether every matrix of
            attention and of a dense feed-forward adds a bias.
        window_tokens, full_every: A sliding window, and which n-th layer sees everything; 0 for none.
        mixer: In place of all these, a part by its ``kind`` and fields.
        num_experts, top_k: E and k; E = 1 is dense.
        d_expert: Hidden width of a routed expert; needed where E > 1.
        num_shared_experts, d_shared: Experts that every token uses, and their width; left out, a routed one's.
        first_dense_layers, last_dense_layers: Layers at the bottom and at the top that do not route.
        moe_every: Of the layers between them every n-th routes.
        d_residual: Width of a dense feed-forward beside the routed one, on the same input (Arctic); 0 for none.
        gated: Three matrices per feed-forward, or two.
        norm, tied_embeddings, num_positions, num_mtp_layers, max_context: As in :class:`ArchSpec`.

    Raises:
        ConfigError: A number is missing, or out of its limits.
    """

    d_model: int
    num_layers: int
    vocab_size: int
    d_ff: int = 0
    num_heads: int = 0
    num_kv_heads: int = 0
    head_dim: int = 0
    attention: AttentionWord = "gqa"
    kv_lora_rank: int = 0
    q_lora_rank: int = 0
    qk_rope_dim: int = 0
    qk_norm: QkNorm = "none"
    output_gate: bool = False
    bias: bool = False
    window_tokens: int = 0
    full_every: int = 0
    mixer: dict[str, Any] = field(default_factory=dict)
    num_experts: int = 1
    top_k: int = 1
    d_expert: int = 0
    num_shared_experts: int = 0
    d_shared: int = 0
    first_dense_layers: int = 0
    last_dense_layers: int = 0
    moe_every: int = 1
    d_residual: int = 0
    gated: bool = True
    norm: Norm = "rms"
    tied_embeddings: bool = False
    num_positions: int = 0
    num_mtp_layers: int = 0
    max_context: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "d_model", "num_layers", "vocab_size", "num_experts", "top_k", "moe_every")
        require(self.num_layers <= MOST_LAYERS, "num_layers", f"at most {MOST_LAYERS}", self.num_layers)
        for name in (one.name for one in fields(self) if one.type is int):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        dense = not all(self._routed())
        require(self.d_ff > 0 or not dense, "d_ff", "positive where some layer is dense", self.d_ff)
        routes = any(self._routed())
        require(routes or self.num_experts == 1, "first_dense_layers", "such that some layer routes",
                self.first_dense_layers)  # fmt: skip
        require(self.d_expert > 0 or not routes, "d_expert", "positive where layers route", self.d_expert)
        if not self.mixer:
            require_positive(self, "num_heads")
            known = self.head_dim > 0 or (self.attention != "mla" and self.d_model % self.num_heads == 0)
            limit = "stated with latent attention, or where num_heads does not divide d_model"
            require(known, "head_dim", limit, self.head_dim)
            free = self.attention == "gqa" or self.num_kv_heads in (0, self.num_heads)
            require(free, "num_kv_heads", f"left out with {self.attention}", self.num_kv_heads)

    def spec(self, name: str) -> ArchSpec:
        """The architecture of this shape.

        Raises:
            ConfigError: A part is out of its limits, such as E < k.
        """
        layers = [
            LayerGroup(
                num_layers=1,
                mixer=self._mixer(layer),
                ffn=self._ffn(routes),
                residual=DenseFFN(d_ff=self.d_residual, gated=self.gated) if routes and self.d_residual else None,
                num_norms=2 + (routes and self.d_residual > 0),
            )
            for layer, routes in enumerate(self._routed())
        ]
        whole: dict[str, Any] = {field: getattr(self, field) for field in WHOLE_MODEL}
        return ArchSpec(name=name, layers=grouped(layers), **whole)

    def _routed(self) -> list[bool]:
        """Whether each layer routes."""
        top = self.num_layers - self.last_dense_layers
        return [
            self.num_experts > 1 and self.first_dense_layers <= layer < top and (layer + 1) % self.moe_every == 0
            for layer in range(self.num_layers)
        ]

    def _mixer(self, layer: int) -> Mixer:
        if self.mixer:
            return read_part(MIXERS, self.mixer, "mixer")
        head_dim = self.head_dim or self.d_model // self.num_heads
        if self.attention == "mla":
            return LatentAttention(
                num_heads=self.num_heads,
                kv_lora_rank=self.kv_lora_rank or 4 * head_dim,
                q_lora_rank=self.q_lora_rank,
                qk_nope_dim=head_dim,
                qk_rope_dim=self.qk_rope_dim or head_dim // 2,
                v_dim=head_dim,
                bias=self.bias,
            )
        full = self.window_tokens == 0 or (self.full_every > 0 and (layer + 1) % self.full_every == 0)
        return Attention(
            num_heads=self.num_heads,
            num_kv_heads=self.num_kv_heads or self.num_heads,
            head_dim=head_dim,
            qkv_bias=self.bias,
            output_bias=self.bias,
            qk_norm=self.qk_norm,
            output_gate=self.output_gate,
            window_tokens=UNLIMITED_WINDOW if full else self.window_tokens,
        )

    def _ffn(self, routes: bool) -> FeedForward:
        if not routes:
            return DenseFFN(d_ff=self.d_ff, gated=self.gated, bias=self.bias)
        return MoE(
            num_experts=self.num_experts,
            top_k=self.top_k,
            d_expert=self.d_expert,
            num_shared_experts=self.num_shared_experts,
            d_shared=(self.d_shared or self.d_expert) * (self.num_shared_experts > 0),
            gated=self.gated,
        )


def read_shape(table: Mapping[str, Any], name: str, where: str) -> ArchSpec:
    """The model of a table of parts.

    Its words are the fields of :class:`StatedShape`. Where layers differ, ``layers`` lists groups from the input
    up, each with its ``num_layers`` and any of these words in place of the model's; ``repeat`` stacks the list
    so many times.

    Args:
        table: The words and their values; a ``name`` among them names the model.
        name: What to call it otherwise.
        where: What the table is, for the error line.

    Raises:
        ConfigError: A word is missing, has the wrong type or is out of its limits.
        UnknownNameError: A word is none of them; lists the nearest.
    """
    words = dict(table)
    name, repeat, groups = str(words.pop("name", name)), words.pop("repeat", 1), words.pop("layers", None)
    if groups is None:
        require(repeat == 1, f"{where}: repeat", "left out without layers", repeat)
        return build(StatedShape, words, where).spec(name)
    listed = isinstance(groups, list) and groups and all(isinstance(group, Mapping) for group in groups)
    require(bool(listed), f"{where}: layers", "a list of tables", groups)
    require(type(repeat) is int and 1 <= repeat <= MOST_LAYERS, f"{where}: repeat", "a positive number", repeat)
    require(
        "num_layers" not in words, f"{where}: num_layers", "left to each of the layers", words.get("num_layers")
    )
    specs = [_group(words, group, name, f"{where}: layers {index + 1}") for index, group in enumerate(groups)]
    layers = [one for spec in specs for one in spec.layers] * repeat
    return replace(specs[0], layers=grouped(layers))


def _group(words: Mapping[str, Any], group: Mapping[str, Any], name: str, where: str) -> ArchSpec:
    for word in WHOLE_MODEL:
        require(word not in group, f"{where}: {word}", "stated once, of the model", group.get(word))
    return build(StatedShape, {**words, **group}, where).spec(name)


def parse_shape(text: str) -> ArchSpec:
    """The model of ``d_model=4096,num_layers=48,…``: the words of :func:`read_shape`, those of flat value.

    Raises:
        ConfigError: A part has no value, a word stands twice, or as for a table.
        UnknownNameError: A word is none of them; lists the nearest.
    """
    table: dict[str, Any] = {}
    for part in text.split(","):
        word, equals, value = (piece.strip() for piece in part.partition("="))
        if not (word and equals and value):
            raise ConfigError(f"shape: must be like d_model=4096,num_layers=48, got {part.strip()!r}")
        require(word not in table, f"shape: {word}", "stated once", f"{table.get(word)} and {value}")
        table[word] = _value(value)
    return read_shape(table, "shape", "shape")


def _value(text: str) -> Any:
    """A whole number, a flag, or a word."""
    plain = text.replace("_", "")
    if plain.lstrip("-").isascii() and plain.lstrip("-").isdigit():
        return int(plain)
    return {"true": True, "false": False}.get(text.lower(), text)
