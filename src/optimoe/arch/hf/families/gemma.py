"""Gemma 3n and Gemma 4: shared caches, heads of full layers, embeddings of layers, experts beside a dense part."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, TIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense, Routed
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, SLIDING, every, kind_of, listed, window
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import UNLIMITED_WINDOW, AltUp, Attention, DenseFFN, LayerEmbedding, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require, shown

_GQA = Gqa(qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head", head_dim=256)
ROWS = "per_layer_config"
"""Where newer files state what full layers have otherwise, a row a layer; older ones have global fields."""


@dataclass(frozen=True, kw_only=True)
class GlobalHeads(Gqa):
    """Fields of attention whose full layers have heads of their own, and may take keys as values (Gemma 4)."""

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> Attention:
        """The attention of a layer with that window; one without has the global fields."""
        attention = super().read(fields, d_model, window, chunked)
        if window != UNLIMITED_WINDOW:
            return attention
        shared_values = fields.flag("attention_k_eq_v")
        row = Fields(next(iter((fields.value(ROWS) or {}).values()), {}), {})
        if fields.has(ROWS):
            width = row.count("head_dim", absent=attention.head_dim)
            kv_heads = row.count("num_key_value_heads", absent=attention.num_kv_heads)
        else:
            width = fields.count("global_head_dim")
            own = shared_values and fields.has("num_global_key_value_heads")
            kv_heads = fields.count("num_global_key_value_heads") if own else attention.num_kv_heads
        return replace(attention, head_dim=width, num_kv_heads=kv_heads, values_of_keys=shared_values)

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention; full layers without values of keys have the heads of the others."""
        config = super().write(mixer)
        if mixer.window_tokens != UNLIMITED_WINDOW:
            return config
        config["global_head_dim"], config["attention_k_eq_v"] = mixer.head_dim, mixer.values_of_keys
        return config | ({"num_global_key_value_heads": mixer.num_kv_heads} if mixer.values_of_keys else {})


class GemmaStack(Stack):
    """Layers of which the last ones attend to the cache of a layer below, with four norms and more.

    Attributes:
        attention: Field table of layers with a cache of their own.
        rows, width: Fields of the table of a layer's own embedding; where the width is null or 0, there is none.
    """

    parts: tuple[type, ...] = (Attention, DenseFFN, MoE)
    attention: Gqa = _GQA
    dense = Dense(activation="hidden_activation")
    rows, width = "vocab_size_per_layer_input", "hidden_size_per_layer_input"

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        kinds = self.kinds(fields, fields.depth())
        first = len(kinds) - fields.count("num_kv_shared_layers", zero=True)
        cached = set(kinds[: max(first, 0)]) == set(kinds)
        require(cached, "num_kv_shared_layers", "so few that each kind of layer has a cache", len(kinds) - first)
        own = {kind: self.attention.read(fields, d_model, window(fields, kind), False) for kind in set(kinds)}
        mixers = [replace(own[kind], shared_kv=layer >= first) for layer, kind in enumerate(kinds)]
        return self.around(fields, d_model, mixers)

    @abstractmethod
    def kinds(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer's attention."""

    @abstractmethod
    def around(self, fields: Fields, d_model: int, mixers: list[Attention]) -> list[LayerGroup]:
        """The layers of some mixers."""

    def embedding(self, fields: Fields, dense: DenseFFN) -> tuple[LayerEmbedding, ...]:
        """The layer's own embedding, if it has one, whose gate has the activation of the feed-forward."""
        size = 0 if fields.null(self.width) else fields.count(self.width, zero=True)
        if not size:
            return ()
        rows = fields.count(self.rows)
        return (LayerEmbedding(d_ff=size, vocab_size=rows, activation_params=dense.activation_params),)

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        mixers = [layer.mixer for layer in layers if isinstance(layer.mixer, Attention)]
        own = {kind_of(mixer): mixer for mixer in reversed(mixers)}
        config: dict[str, Any] = {
            "layer_types": [kind_of(mixer) for mixer in mixers],
            "num_kv_shared_layers": sum(mixer.shared_kv for mixer in mixers),
            "sliding_window": own[SLIDING].window_tokens if SLIDING in own else None,
        }
        for kind in sorted(own):  # full layers first: what is theirs alone has names of its own
            config |= self.attention.write(own[kind])
        table = next(iter(layers[0].layer_embeddings), None)
        return config | ({self.width: table.d_ff, self.rows: table.vocab_size} if table else {self.width: 0})


class Gemma4Stack(GemmaStack):
    """Layers of Gemma 4: other heads in full layers, feed-forwards of two widths, experts beside them."""

    attention = GlobalHeads(**vars(_GQA))
    routed = Routed(
        experts=("num_experts",), top_k=("top_k_experts",), router_scales=True, activation="hidden_activation"
    )

    def kinds(self, fields: Fields, num_layers: int) -> list[str]:
        """Every sixth layer attends to everything, or a list says; the last one does whatever is listed.

        Raises:
            ConfigError: Attention is not causal, a window is missing, or full layers differ from each other.
        """
        kinds = [*listed(every(6, FULL, SLIDING))(fields, num_layers)[:-1], FULL]
        causal = fields.value("use_bidirectional_attention")
        require(causal in (None, "vision"), "use_bidirectional_attention", "null or vision", causal)
        if SLIDING in kinds:
            fields.count("sliding_window")
        if fields.has(ROWS):
            _require_rows_of(fields.value(ROWS), {layer for layer, kind in enumerate(kinds) if kind == FULL})
        return kinds

    def around(self, fields: Fields, d_model: int, mixers: list[Attention]) -> list[LayerGroup]:
        """A dense feed-forward, twice as wide without a cache where ``use_double_wide_mlp``, and experts."""
        dense = self.dense.read(fields, d_model)
        wide = replace(dense, d_ff=dense.d_ff * (1 + fields.flag("use_double_wide_mlp")))
        moe = self.routed.read(fields) if fields.flag("enable_moe_block") else None
        beside = self.embedding(fields, dense)
        return [
            LayerGroup(
                num_layers=1,
                mixer=mixer,
                ffn=moe or (wide if mixer.shared_kv else dense),
                residual=(wide if mixer.shared_kv else dense) if moe else None,
                beside=beside,
                num_norms=4 + len(beside) + 3 * (moe is not None),
            )
            for mixer in mixers
        ]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        widths = [layer.residual or layer.ffn for layer in layers]
        first, last, moe = widths[0], widths[-1], layers[0].ffn
        if not isinstance(first, DenseFFN) or not isinstance(last, DenseFFN):
            raise ConfigError("layer 0: experts without a dense feed-forward beside them")
        config = super().write(layers) | self.dense.write(first)
        config |= {"use_double_wide_mlp": last.d_ff != first.d_ff, "enable_moe_block": isinstance(moe, MoE)}
        return config | (self.routed.write(moe) if isinstance(moe, MoE) else {})


class Gemma3nStack(GemmaStack):
    """Layers of Gemma 3n: widths of their own, a residual of low rank, and one of several streams."""

    parts = (Attention, DenseFFN)

    def kinds(self, fields: Fields, num_layers: int) -> list[str]:
        """Every fifth layer attends to everything, or a list says."""
        return listed(every(5, FULL, SLIDING))(fields, num_layers)

    def around(self, fields: Fields, d_model: int, mixers: list[Attention]) -> list[LayerGroup]:
        """The feed-forward of each layer, its embedding, and a residual of low rank (LAuReL, arXiv 2411.07501)."""
        field = self.dense.width
        widths = fields.of_layers({field: field}, len(mixers))
        streams = AltUp(num_streams=fields.count("altup_num_inputs"))
        low_rank = DenseFFN(d_ff=fields.count("laurel_rank"), gated=False)
        layers = []
        for mixer, of_layer in zip(mixers, widths, strict=True):
            dense = self.dense.read(of_layer, d_model)
            beside = (low_rank, *self.embedding(fields, dense))
            require(len(beside) == 2, self.width, "positive in Gemma 3n", 0)
            layers.append(
                LayerGroup(num_layers=1, mixer=mixer, ffn=dense, beside=beside, streams=streams, num_norms=6)
            )
        return layers

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        dense = [layer.ffn for layer in layers if isinstance(layer.ffn, DenseFFN)]
        require(len(dense) == len(layers), "layers", "without experts in Gemma 3n", "routed ones")
        widths = [ffn.d_ff for ffn in dense]
        rank = next((part.d_ff for part in layers[0].beside if isinstance(part, DenseFFN) and not part.gated), 0)
        config = super().write(layers) | self.dense.write(dense[0]) | {"laurel_rank": rank}
        config[self.dense.width] = widths if len(set(widths)) > 1 else widths[0]
        return config | {"altup_num_inputs": layers[0].streams.num_streams if layers[0].streams else 1}


def _require_rows_of(rows: Any, full: set[int]) -> None:
    """Refuse rows of layers that are not those of full layers, or that differ.

    Raises:
        ConfigError: They are.
    """
    stated = isinstance(rows, Mapping) and all(str(layer).isdigit() for layer in rows)
    require(stated and {int(layer) for layer in rows} == full, ROWS, "a row for each full layer", shown(str(rows)))
    first = next(iter(rows.values()))
    known = isinstance(first, Mapping) and set(first) <= {"head_dim", "num_key_value_heads"}
    equal = known and all(row == first for row in rows.values())
    require(equal, ROWS, "the same heads in each row", shown(str(rows)))


_GEMMA4 = ConfigFamily(
    architecture="Gemma4UnifiedForCausalLM",
    stack=Gemma4Stack(),
    defaults=TIED
    | BIAS
    | {"attention_k_eq_v": False, "num_global_key_value_heads": None, "global_head_dim": 512, ROWS: None}
    | {"num_kv_shared_layers": 0, "use_double_wide_mlp": False, "use_bidirectional_attention": None},
)

GEMMA: dict[str, ConfigFamily] = {
    "gemma3n_text": ConfigFamily(architecture="Gemma3nForCausalLM", stack=Gemma3nStack(), defaults=TIED | BIAS),
    "gemma4_text": replace(
        _GEMMA4,
        architecture="Gemma4ForCausalLM",
        defaults=_GEMMA4.defaults | {"enable_moe_block": False},
    ),
    "gemma4_unified_text": replace(
        _GEMMA4,
        defaults=_GEMMA4.defaults | {"enable_moe_block": False, Gemma4Stack.width: 0},
        only={"enable_moe_block": False, Gemma4Stack.width: 0},
    ),
}
"""By ``model_type``."""
