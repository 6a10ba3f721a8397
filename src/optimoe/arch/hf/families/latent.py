"""Decoders of latent attention (DeepSeek and those after it)."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, DEEPSEEK, MTP, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import leading_dense, listed_or_leading
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
    kinds=selecting,
    only={"moe_layer_freq": 1, "index_topk_pattern": None},
)

LATENT: dict[str, ConfigFamily] = {
    "deepseek_v2": replace(
        _LATENT,
        architecture="DeepseekV2ForCausalLM",
        routed=replace(DEEPSEEK, experts=("n_routed_experts", "num_experts")),
        only={"moe_layer_freq": 1, "mlp_bias": False},
    ),
    "deepseek_v3": _LATENT,
    "kimi_k2": _LATENT,
    "deepseek_v32": replace(_SPARSE, architecture="DeepseekV32ForCausalLM"),
    "glm_moe_dsa": replace(_SPARSE, architecture="GlmMoeDsaForCausalLM"),
    "glm4_moe_lite": replace(
        _LATENT,
        architecture="Glm4MoeLiteForCausalLM",
        attention=Mla(rope=("qk_rope_head_dim", "head_dim")),
        pattern=listed_or_leading,
        only={},
    ),
}
"""By ``model_type``."""
