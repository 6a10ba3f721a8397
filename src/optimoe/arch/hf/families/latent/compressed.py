"""Decoders of attention over compressed entries (DeepSeek-V4)."""

from typing import Any

from optimoe.arch.hf.families.shared import MTP, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack, StreamsField
from optimoe.arch.hf.ffns import Routed
from optimoe.arch.hf.fields import Fields
from optimoe.arch.parts import CompressedAttention, Indexer, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require

SPARSE, HEAVY, NEAR = "compressed_sparse_attention", "heavily_compressed_attention", "sliding_attention"
_BY_RATIO = {0: NEAR, 4: SPARSE, 128: HEAVY}
"""What ``compress_ratios`` says of a layer: its kind. How many tokens its entries have is stated apart."""
_RATES = {
    SPARSE: (f"compress_rates.{SPARSE}", "compress_rate_csa"),
    HEAVY: (f"compress_rates.{HEAVY}", "compress_rate_hca"),
}
_DEFAULT_RATES = {SPARSE: 4, HEAVY: 128}


class CompressedStack(Stack):
    """Layers of DeepSeek-V4: windows with entries of two rates or none, several streams, experts everywhere."""

    parts = (CompressedAttention, MoE)
    streams = StreamsField()
    experts = Routed(experts=("n_routed_experts",), shared_fixed=True)

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        num_layers = fields.depth()
        moe, streams = self.experts.read(fields), self.streams.read(fields)
        kinds = _kinds(fields, num_layers)
        mixers = {kind: _mixer(fields, kind) for kind in set(kinds)}
        return [LayerGroup(num_layers=1, mixer=mixers[kind], ffn=moe, streams=streams) for kind in kinds]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        first = layers[0].mixer
        mixers = [layer.mixer for layer in layers if isinstance(layer.mixer, CompressedAttention)]
        assert isinstance(first, CompressedAttention)
        indexer = next((mixer.indexer for mixer in mixers if mixer.indexer), None)
        rates = {_kind(mixer): mixer.ratio for mixer in mixers if mixer.ratio}
        return (
            {
                "num_attention_heads": first.num_heads,
                "num_key_value_heads": 1,
                "head_dim": first.head_dim,
                "q_lora_rank": first.q_lora_rank,
                "o_groups": first.output_groups,
                "o_lora_rank": first.output_rank,
                "sliding_window": first.window_tokens,
                "layer_types": [_kind(mixer) for mixer in mixers],
                "compress_rates": {kind: rates.get(kind, rate) for kind, rate in _DEFAULT_RATES.items()},
                "index_n_heads": indexer.num_heads if indexer else 1,
                "index_head_dim": indexer.head_dim if indexer else 1,
                "index_topk": indexer.top_k if indexer else 1,
            }
            | self.streams.write(layers[0].streams)
            | self.experts.write(next(layer.ffn for layer in layers if isinstance(layer.ffn, MoE)))
        )


def _kinds(fields: Fields, num_layers: int) -> list[str]:
    """The kind of each layer: listed, by the ratio of each, or two heavy ones and then one of each in turn."""
    if fields.has("layer_types"):
        kinds = fields.items("layer_types", str, num_layers)
    elif fields.has("compress_ratios"):
        ratios = fields.items("compress_ratios", int)
        require(len(ratios) >= num_layers, "compress_ratios", f"{num_layers} entries or more", len(ratios))
        kinds = [_BY_RATIO.get(ratio, f"a ratio of {ratio}") for ratio in ratios[:num_layers]]
    else:
        kinds = [HEAVY if layer < 2 or layer % 2 == 0 else SPARSE for layer in range(num_layers)]
    unknown = sorted(set(kinds) - set(_BY_RATIO.values()))
    if unknown:
        raise ConfigError(f"layer_types: must be {NEAR}, {SPARSE} or {HEAVY}, got {', '.join(unknown)}")
    return kinds


def _mixer(fields: Fields, kind: str) -> CompressedAttention:
    indexer = Indexer(
        num_heads=fields.count("index_n_heads"),
        head_dim=fields.count("index_head_dim"),
        top_k=fields.count("index_topk"),
    )
    return CompressedAttention(
        num_heads=fields.count("num_attention_heads"),
        head_dim=fields.count("head_dim"),
        q_lora_rank=fields.count("q_lora_rank"),
        output_groups=fields.count("o_groups"),
        output_rank=fields.count("o_lora_rank"),
        window_tokens=fields.count("sliding_window"),
        ratio=fields.count(*_RATES[kind]) if kind in _RATES else 0,
        overlap=kind == SPARSE,
        indexer=indexer if kind == SPARSE else None,
    )


def _kind(mixer: CompressedAttention) -> str:
    return (SPARSE if mixer.indexer else HEAVY) if mixer.ratio else NEAR


COMPRESSED: dict[str, ConfigFamily] = {
    "deepseek_v4": ConfigFamily(
        architecture="DeepseekV4ForCausalLM",
        stack=CompressedStack(),
        uncounted={MTP: "its layers of multi-token prediction"},
        aliases={"num_local_experts": "n_routed_experts", "intermediate_size": "moe_intermediate_size"},
        defaults=UNTIED | {"compress_rates": _DEFAULT_RATES},
        only={"mlp_bias": False, "n_shared_experts": 1, "num_key_value_heads": 1},
    ),
}
"""By ``model_type``."""
