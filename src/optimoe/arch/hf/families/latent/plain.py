"""Decoders of latent attention (DeepSeek and those after it)."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, DEEPSEEK, MTP, UNTIED
from optimoe.arch.hf.family import ConfigFamily, StreamsField
from optimoe.arch.hf.ffns import leading_dense, listed_or_leading, listed_or_stepped
from optimoe.arch.hf.layers import selecting
from optimoe.arch.hf.mixers import Mla

_LATENT = ConfigFamily(
    architecture="DeepseekV3ForCausalLM",
    attention=Mla(),
    routed=DEEPSEEK,
    pattern=leading_dense,
    mtp=MTP,
    defaults=UNTIED | BIAS | {MTP: 0},
    only={"moe_layer_freq": 1},
)
_SPARSE = replace(
    _LATENT,
    attention=Mla(indexer=True),
    routed=replace(DEEPSEEK, experts=("n_routed_experts", "num_local_experts", "num_experts")),
    pattern=listed_or_leading,
    only={"moe_layer_freq": 1},
)
_FIRST_DENSE = {"first_k_dense_replace": 1}  # where no list says which layers are dense
_ALWAYS_SELECTS = {"index_topk_freq": 1, "index_topk_pattern": None, "indexer_types": None}


PLAIN: dict[str, ConfigFamily] = {
    "deepseek_v2": replace(
        _LATENT,
        architecture="DeepseekV2ForCausalLM",
        routed=replace(DEEPSEEK, experts=("n_routed_experts", "num_experts")),
        only={"moe_layer_freq": 1, "mlp_bias": False},
    ),
    "deepseek_v3": _LATENT,
    "kimi_k2": _LATENT,
    "deepseek_v32": replace(_SPARSE, architecture="DeepseekV32ForCausalLM", only=_SPARSE.only | _ALWAYS_SELECTS),
    "glm_moe_dsa": replace(
        _SPARSE,
        architecture="GlmMoeDsaForCausalLM",
        kinds=selecting,
        defaults=_SPARSE.defaults | {"index_topk_freq": 1, "index_skip_topk_offset": 2},
    ),
    "glm4_moe_lite": replace(
        _LATENT,
        architecture="Glm4MoeLiteForCausalLM",
        attention=Mla(rope=("qk_rope_head_dim", "head_dim")),
        pattern=listed_or_leading,
        defaults=_LATENT.defaults | _FIRST_DENSE,
        only=_FIRST_DENSE,
    ),
    "hy_v4": replace(
        _SPARSE,
        architecture="HYV4ForCausalLM",
        attention=Mla(indexer=True, output_gate=True, sinks=True),
        routed=DEEPSEEK,
        kinds=selecting,
        streams=StreamsField(mix=False),
        mtp="",
        uncounted={MTP: "its layers of multi-token prediction"},
        defaults=UNTIED | BIAS | _FIRST_DENSE | {"index_topk_freq": 4, "index_skip_topk_offset": 2},
        only=_FIRST_DENSE | {"index_topk_freq": 4, "index_skip_topk_offset": 2, "index_topk_pattern": None},
    ),
    "axk1": replace(
        _LATENT,
        architecture="AXK1ForCausalLM",
        pattern=listed_or_stepped,
        routed_norms=1,
        defaults=_LATENT.defaults | {"first_k_dense_replace": 1, "moe_layer_freq": 1},
        only={},
    ),
    "axk2": replace(
        _SPARSE,
        architecture="AXK2ForCausalLM",
        attention=Mla(indexer=True, output_gate=True, gate_of_queries=True),
        pattern=listed_or_stepped,
        gate_rank="gated_norm_rank",
        mtp="",
        defaults=UNTIED | BIAS | {"first_k_dense_replace": 1, "moe_layer_freq": 1},
        only={},
    ),
    "sarvam_mla": replace(
        _LATENT,
        aliases={
            "num_experts": "n_routed_experts",
            "num_shared_experts": "n_shared_experts",
            "num_mtp_layers": MTP,
        },
        only={},
    ),
    "mistral4": replace(_LATENT, architecture="Mistral4ForCausalLM", mtp="", only={}),
}
"""By ``model_type``."""
