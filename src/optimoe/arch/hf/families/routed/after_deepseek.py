"""Routed decoders of grouped heads with DeepSeek's experts: small and shared ones, the first layers dense."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, DEEPSEEK, EXPERTS, MTP, NORMED, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Routed, every_layer, leading_dense, listed_or_all_but_first, within
from optimoe.arch.hf.layers import late_windows, listed
from optimoe.arch.hf.mixers import Gqa

_GLM = ConfigFamily(
    architecture="Glm4MoeForCausalLM",
    attention=Gqa(qkv_bias="attention_bias", qk_norm="head", norm_flag="use_qk_norm", floored=True),
    routed=DEEPSEEK,
    pattern=leading_dense,
    mtp=MTP,
    defaults=UNTIED | BIAS | {"use_qk_norm": False, MTP: 0},
)
_BAILING = ConfigFamily(
    architecture="BailingMoeForCausalLM",
    attention=Gqa(qkv_bias="use_qkv_bias", qk_norm="head", norm_flag="use_qk_norm"),
    routed=Routed(
        width=("moe_intermediate_size", "moe_shared_expert_intermediate_size"), shared_count="num_shared_experts"
    ),
    pattern=leading_dense,
    mtp=MTP,
    defaults=UNTIED | {"first_k_dense_replace": 0, "use_qkv_bias": False, "use_qk_norm": False, MTP: 0},
    only={"use_bias": False, "multi_gate": False},
)
"""Of Ling: shared experts have the routed width (inclusionAI/Ling, modeling_bailing_moe.py)."""

AFTER_DEEPSEEK: dict[str, ConfigFamily] = {
    "glm4_moe": _GLM,
    "ernie4_5_moe": ConfigFamily(
        architecture="Ernie4_5_MoeForCausalLM",
        attention=Gqa(null_kv=True),
        routed=Routed(
            experts=("moe_num_experts", "num_experts"),
            top_k=("moe_k", "num_experts_per_tok"),
            shared_count="moe_num_shared_experts",
        ),
        pattern=within,
        defaults=TIED | {"moe_layer_end_index": -1},
        only={"use_bias": False},
    ),
    "sarvam_moe": replace(
        _GLM,
        attention=Gqa(qkv_bias="attention_bias", qk_norm="head", norm_flag="use_qk_norm", head_dim=64),
        aliases={
            "num_local_experts": "n_routed_experts",
            "num_experts": "n_routed_experts",
            "num_shared_experts": "n_shared_experts",
            "use_qkv_bias": "attention_bias",
            "num_mtp_layers": MTP,
        },
        defaults=UNTIED | BIAS | {"use_qk_norm": True, MTP: 0},
    ),
    "dots1": ConfigFamily(
        architecture="Dots1ForCausalLM",
        attention=replace(NORMED, null_kv=True),
        kinds=listed(late_windows),
        routed=DEEPSEEK,
        pattern=leading_dense,
        defaults=UNTIED | BIAS | {"sliding_window": 4096, "max_window_layers": 62},
    ),
    "solar_open": ConfigFamily(
        architecture="SolarOpenForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", head_dim=128),
        routed=DEEPSEEK,
        pattern=every_layer,
        defaults=UNTIED | BIAS,
    ),
    "hy_v3": ConfigFamily(
        architecture="HYV3ForCausalLM",
        attention=replace(NORMED, head_dim=128),
        routed=Routed(experts=EXPERTS, shared_count="num_shared_experts", shared_needed=True),
        pattern=listed_or_all_but_first,
        defaults=UNTIED | BIAS,
        only={"mlp_bias": False},
    ),
    "bailing_moe": _BAILING,
    "bailing_moe_v2": replace(
        _BAILING, architecture="BailingMoeV2ForCausalLM", defaults=_BAILING.defaults | {"use_qk_norm": True}
    ),
}
"""By ``model_type``."""
