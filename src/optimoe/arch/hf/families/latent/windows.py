"""Decoders of latent attention whose layers differ in heads and ranks: windows between layers that select."""

from dataclasses import replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense, Routed, listed_or_stepped
from optimoe.arch.hf.fields import Fields, stated_rows
from optimoe.arch.hf.layers import FULL, SLIDING
from optimoe.arch.hf.mixers import Mla
from optimoe.arch.parts import UNLIMITED_WINDOW, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require

INDEXED = "indexed_attention"
ROWS = "per_layer_config"
_WIDTHS = (
    "num_attention_heads", "num_key_value_heads", "q_lora_rank", "kv_lora_rank", "head_dim", "qk_nope_head_dim",
    "qk_rope_head_dim", "v_head_dim",
)  # fmt: skip
"""What a layer may have of its own."""
_WINDOWS = {
    "num_attention_heads": 64,
    "q_lora_rank": 1024,
    "kv_lora_rank": 1024,
    "head_dim": 256,
    "qk_nope_head_dim": 192,
    "v_head_dim": 128,
}
"""What the family takes for layers with a window where their rows and fields are absent."""


class WindowedLatentStack(Stack):
    """Layers of dots.note: latent attention with a gate by head, which selects, has a window, or sees everything.

    Layers with a window have widths of their own: a row of ``per_layer_config``, or fields named ``swa_…``.
    """

    parts = (LatentAttention, DenseFFN, MoE)
    full = Mla(output_gate=True, gate_by_head=True, rope_norm=True)
    dense = Dense()
    routed = Routed(
        experts=("n_routed_experts", "num_local_experts"),
        shared_count="n_shared_experts",
        shared_width="shared_experts_intermediate_size",
    )

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        num_layers = fields.depth()
        kinds = self._kinds(fields, num_layers)
        routed = listed_or_stepped(fields, num_layers)
        dense = self.dense.read(fields, d_model)
        moe = self.routed.read(fields) if any(routed) else dense
        rows = self._rows(fields, kinds)
        return [
            LayerGroup(
                num_layers=1,
                mixer=self._mixer(fields.over(rows.get(layer, {})), d_model, kind),
                ffn=moe if routes else dense,
            )
            for layer, (kind, routes) in enumerate(zip(kinds, routed, strict=True))
        ]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from, those of windows as rows."""
        mixers = [layer.mixer for layer in layers if isinstance(layer.mixer, LatentAttention)]
        kinds = [_kind(mixer) for mixer in mixers]
        plain = next((mixer for mixer, kind in zip(mixers, kinds, strict=True) if kind != SLIDING), mixers[0])
        config = self.full.write(next((mixer for mixer in mixers if mixer.indexer), plain))
        config |= {"layer_types": kinds, "sliding_window": min(mixer.window_tokens for mixer in mixers)}
        config[ROWS] = {
            str(layer): {name: value for name, value in self.full.write(mixer).items() if name in _WIDTHS}
            | {"head_dim": mixer.qk_nope_dim + mixer.qk_rope_dim}
            for layer, (mixer, kind) in enumerate(zip(mixers, kinds, strict=True))
            if kind == SLIDING
        }
        for table, part in ((self.dense, DenseFFN), (self.routed, MoE)):
            ffn: Any = next((layer.ffn for layer in layers if isinstance(layer.ffn, part)), None)
            config |= table.write(ffn) if ffn is not None else {}
        routes = [isinstance(layer.ffn, MoE) for layer in layers]
        return config | {"mlp_layer_types": ["sparse" if one else "dense" for one in routes]}

    def _mixer(self, fields: Fields, d_model: int, kind: str) -> LatentAttention:
        table = replace(self.full, indexer=kind == INDEXED)
        mixer = table.read(fields, d_model, UNLIMITED_WINDOW, chunked=False)
        require(mixer.q_lora_rank > 0, "q_lora_rank", "a positive integer", None)
        window = fields.count("sliding_window") if kind == SLIDING else UNLIMITED_WINDOW
        return replace(mixer, window_tokens=window)

    def _kinds(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer: listed, or a window in all but the first two layers and every fourth from there.

        ``use_dsa`` says whether layers without a window select; where it is missing, their words do in files that
        have rows, and else they do.

        Raises:
            ConfigError: A word is none of the three.
        """
        selects = fields.flag("use_dsa") if fields.has("use_dsa") else None if fields.has(ROWS) else True
        if fields.has("layer_types"):
            kinds = fields.items("layer_types", str, num_layers)
        else:
            windows = fields.flag("use_sliding_window")
            kinds = [INDEXED if not windows or at < 2 or at % 4 == 1 else SLIDING for at in range(num_layers)]
        unknown = sorted(set(kinds) - {FULL, SLIDING, INDEXED})
        if unknown:
            raise ConfigError(f"layer_types: must be {FULL}, {SLIDING} or {INDEXED}, got {', '.join(unknown)}")
        if selects is None:
            return kinds
        return [kind if kind == SLIDING else INDEXED if selects else FULL for kind in kinds]

    def _rows(self, fields: Fields, kinds: list[str]) -> dict[int, dict[str, Any]]:
        """What layers have of their own, by their number."""
        if fields.has(ROWS):
            return stated_rows(fields, ROWS, len(kinds), _WIDTHS)
        own = {name: fields.value(f"swa_{name}") for name in _WINDOWS}
        both = all(type(own[name]) is int for name in ("head_dim", "qk_nope_head_dim"))
        rest = own["head_dim"] - own["qk_nope_head_dim"] if both else None
        own["qk_rope_head_dim"] = fields.stated("swa_qk_rope_head_dim", rest)
        return {layer: own for layer, kind in enumerate(kinds) if kind == SLIDING}


def _kind(mixer: LatentAttention) -> str:
    if mixer.window_tokens != UNLIMITED_WINDOW:
        return SLIDING
    return INDEXED if mixer.indexer is not None else FULL


WINDOWS: dict[str, ConfigFamily] = {
    "dots3_note_text": ConfigFamily(
        architecture="Dots3NoteForCausalLM",
        stack=WindowedLatentStack(),
        aliases={"moe_shared_expert_intermediate_size": "shared_experts_intermediate_size"},
        defaults=UNTIED
        | BIAS
        | {"first_k_dense_replace": 1, "moe_layer_freq": 1, "use_sliding_window": True, "sliding_window": 512}
        | {f"swa_{name}": value for name, value in _WINDOWS.items()},
    ),
}
"""By ``model_type``."""
