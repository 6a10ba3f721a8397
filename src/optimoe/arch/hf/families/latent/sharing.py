"""Decoders of latent attention whose layers may attend to the latents of a layer below (Mistral Large 4)."""

from typing import Any

from optimoe.arch.hf.ends.tables import LearnedFrequencies
from optimoe.arch.hf.families.shared import BIAS, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense, Routed, listed_or_leading
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import SHARED, selecting
from optimoe.arch.parts import UNLIMITED_WINDOW, DenseFFN, Indexer, LatentAttention, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require


class SharingStack(Stack):
    """Layers of Mistral Large 4: a selection of their own or a shared one, latents likewise, RoPE in most.

    A layer without RoPE has the width of the RoPE key beside that of the other part of a head, and caches the
    latent alone.
    """

    parts = (LatentAttention, DenseFFN, MoE)
    dense = Dense()
    experts = Routed(
        experts=("n_routed_experts", "num_local_experts", "num_experts"), shared_count="n_shared_experts"
    )

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        num_layers = fields.depth()
        routed = listed_or_leading(fields, num_layers)
        kinds, turned = selecting(fields, num_layers), _turned(fields, num_layers)
        dense = self.dense.read(fields, d_model)
        moe = self.experts.read(fields) if any(routed) else dense
        layers = zip(kinds, turned, _sharing(fields, num_layers), routed, strict=True)
        return [
            LayerGroup(num_layers=1, mixer=_mixer(fields, kind, rope, shares), ffn=moe if routes else dense)
            for kind, rope, shares, routes in layers
        ]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        mixers = [layer.mixer for layer in layers if isinstance(layer.mixer, LatentAttention)]
        first = next((mixer for mixer in mixers if mixer.qk_rope_dim), None)
        indexer = mixers[0].indexer
        if first is None or indexer is None:
            raise ConfigError("layers: must have RoPE in one or more, and an indexer in the first")
        sources: list[int] = []
        for layer, mixer in enumerate(mixers):
            sources.append(sources[-1] if mixer.shared_kv and sources else layer)
        config: dict[str, Any] = {
            "num_attention_heads": first.num_heads,
            "num_key_value_heads": first.num_heads,
            "kv_lora_rank": first.kv_lora_rank,
            "qk_nope_head_dim": first.qk_nope_dim,
            "qk_rope_head_dim": first.qk_rope_dim,
            "v_head_dim": first.v_dim,
            "attention_bias": first.bias,
            "index_n_heads": indexer.num_heads,
            "index_head_dim": indexer.head_dim,
            "index_topk": indexer.top_k,
            "indexer_types": ["shared" if mixer.indexer is None else "full" for mixer in mixers],
            "no_rope_layers": [int(mixer.qk_rope_dim > 0) for mixer in mixers],
            "kv_source_layers": sources,
            "mlp_layer_types": ["sparse" if isinstance(layer.ffn, MoE) else "dense" for layer in layers],
        }
        for table, part in ((self.dense, DenseFFN), (self.experts, MoE)):
            ffn: Any = next((layer.ffn for layer in layers if isinstance(layer.ffn, part)), None)
            config |= table.write(ffn) if ffn is not None else {}
        return config


def _mixer(fields: Fields, kind: str, rope: bool, shares: bool) -> LatentAttention:
    """The attention of a layer."""
    nope, turned = fields.count("qk_nope_head_dim"), fields.count("qk_rope_head_dim")
    selected = fields.count("index_topk")
    indexer = Indexer(
        num_heads=fields.count("index_n_heads"),
        head_dim=fields.count("index_head_dim"),
        top_k=selected,
        of_input=True,
    )
    return LatentAttention(
        num_heads=fields.count("num_attention_heads"),
        kv_lora_rank=fields.count("kv_lora_rank"),
        qk_nope_dim=nope if rope else nope + turned,
        qk_rope_dim=turned if rope else 0,
        v_dim=fields.count("v_head_dim"),
        bias=fields.flag("attention_bias"),
        indexer=None if kind == SHARED else indexer,
        selected_tokens=selected if kind == SHARED else UNLIMITED_WINDOW,
        shared_kv=shares,
        query_scales=True,
    )


def _turned(fields: Fields, num_layers: int) -> list[bool]:
    """Whether each layer has RoPE: by a list, or all but every n-th."""
    if fields.has("no_rope_layers"):
        return [mark != 0 for mark in fields.items("no_rope_layers", int, num_layers)]
    step = fields.count("no_rope_layer_interval")
    return [(layer + 1) % step != 0 for layer in range(num_layers)]


def _sharing(fields: Fields, num_layers: int) -> list[bool]:
    """Whether each layer attends to latents of a layer below, by the list of who made them.

    Raises:
        ConfigError: A layer that is named makes none itself, or is no layer below.
    """
    if not fields.has("kv_source_layers"):
        return [False] * num_layers
    sources = fields.items("kv_source_layers", int, num_layers)
    limit = "layers that make their own latents, none above"
    for layer, source in enumerate(sources):
        require(0 <= source <= layer and sources[source] == source, "kv_source_layers", limit, source)
    return [layer != source for layer, source in enumerate(sources)]


SHARING: dict[str, ConfigFamily] = {
    "mistral_large4_text": ConfigFamily(
        architecture="MistralLarge4ForCausalLM",
        stack=SharingStack(),
        ends=LearnedFrequencies(),
        only={"partial_rotary_factor": 1.0, "rope_parameters.partial_rotary_factor": 1.0},
        defaults=UNTIED
        | BIAS
        | {"first_k_dense_replace": 1, "no_rope_layer_interval": 4}
        | {"index_topk_freq": 1, "index_skip_topk_offset": 2},
    ),
}
"""By ``model_type``, of tables inside of other models."""
