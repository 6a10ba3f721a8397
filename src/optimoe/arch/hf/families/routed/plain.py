"""Routed decoders whose attention is the same in all layers or has one window, after Mixtral, Qwen and OLMoE."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import (
    ALIASED,
    BIAS,
    BIASED,
    BIASED_MHA,
    EXPERTS,
    LOCAL,
    MHA,
    NORMED,
    QWEN_SHARED,
    QWEN_WINDOW,
    SPARSE_STEP,
    TIED,
    UNTIED,
)
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import (
    Dense,
    Routed,
    every_layer,
    interleaved,
    layer_frequency,
    sparse_step,
)
from optimoe.arch.hf.layers import (
    FULL,
    SLIDING,
    all_sliding,
    every,
    listed,
    listed_or_sliding,
    qwen_windows,
    rope_chunks,
)
from optimoe.arch.hf.mixers import Gqa, HeadExperts

_MHA_IF_NULL = Gqa(null_kv=True)
_TOP_K = ("num_experts_per_tok", "experts_per_token")
_BIASED_EXPERTS = replace(ALIASED, top_k=_TOP_K, router_bias=True, expert_bias=True)
_GRANITE = ConfigFamily(
    architecture="GraniteMoeForCausalLM",
    attention=BIASED_MHA,
    routed=LOCAL,
    pattern=every_layer,
    defaults=UNTIED | BIAS | MHA,
)

PLAIN: dict[str, ConfigFamily] = {
    "mixtral": ConfigFamily(
        architecture="MixtralForCausalLM",
        kinds=listed_or_sliding,
        routed=ALIASED,
        pattern=every_layer,
        defaults=UNTIED | {"num_key_value_heads": 8, "sliding_window": None},
        fixed={"hidden_act": "silu"},
    ),
    "qwen2_moe": ConfigFamily(
        architecture="Qwen2MoeForCausalLM",
        attention=Gqa(qkv_bias="qkv_bias"),
        kinds=listed(qwen_windows),
        routed=QWEN_SHARED,
        pattern=sparse_step,
        defaults=UNTIED | QWEN_WINDOW | SPARSE_STEP | {"qkv_bias": True},
    ),
    "qwen3_moe": ConfigFamily(
        architecture="Qwen3MoeForCausalLM",
        attention=NORMED,
        kinds=qwen_windows,
        routed=Routed(experts=EXPERTS),
        pattern=sparse_step,
        defaults=UNTIED | BIAS | QWEN_WINDOW | SPARSE_STEP,
    ),
    "gpt_oss": ConfigFamily(
        architecture="GptOssForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", sinks=True, head_dim=64),
        kinds=listed(every(2, FULL, SLIDING)),
        routed=_BIASED_EXPERTS,
        pattern=every_layer,
        defaults=UNTIED | {"attention_bias": True},
    ),
    "llama4_text": ConfigFamily(
        architecture="Llama4ForCausalLM",
        attention=replace(BIASED, head_dim=128),
        kinds=listed(rope_chunks),
        dense=Dense(width="intermediate_size_mlp"),
        routed=replace(LOCAL, shared_fixed=True),
        pattern=interleaved,
        defaults=UNTIED | BIAS | {"no_rope_layer_interval": 4},
    ),
    "olmoe": ConfigFamily(
        architecture="OlmoeForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full", fixed_head_dim=True),
        routed=Routed(experts=EXPERTS, width=("intermediate_size",)),
        pattern=every_layer,
        defaults=UNTIED | BIAS,
    ),
    "flex_olmo": ConfigFamily(
        architecture="FlexOlmoForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full"),
        routed=Routed(experts=EXPERTS, width=("intermediate_size",)),
        pattern=every_layer,
        defaults=UNTIED | BIAS | MHA,
    ),
    "dbrx": ConfigFamily(
        architecture="DbrxForCausalLM",
        attention=Gqa(
            heads=("n_heads", "num_attention_heads"),
            kv_heads=("attn_config.kv_n_heads", "num_key_value_heads"),
            fixed_head_dim=True,
        ),
        routed=Routed(
            experts=("ffn_config.moe_num_experts", "num_experts"),
            top_k=("ffn_config.moe_top_k", "num_experts_per_tok"),
            width=("ffn_config.ffn_hidden_size", "intermediate_size"),
        ),
        pattern=every_layer,
        norm="layernorm_no_bias",
        defaults=UNTIED,
        only=UNTIED,
    ),
    "phimoe": ConfigFamily(
        architecture="PhimoeForCausalLM",
        attention=BIASED,
        kinds=all_sliding,
        routed=LOCAL,
        pattern=every_layer,
        norm="layernorm",
        unembedding_bias="lm_head_bias",
        defaults=UNTIED | BIAS | {"lm_head_bias": False, "sliding_window": None},
    ),
    "granitemoe": _GRANITE,
    "granitemoeshared": replace(
        _GRANITE,
        architecture="GraniteMoeSharedForCausalLM",
        routed=replace(LOCAL, shared_width="shared_intermediate_size"),
    ),
    "minimax_m2": ConfigFamily(
        architecture="MiniMaxM2ForCausalLM",
        attention=Gqa(qk_norm="full", head_dim=128),
        routed=ALIASED,
        pattern=every_layer,
        mtp="num_mtp_modules",
        defaults=UNTIED | {"num_mtp_modules": 0},
    ),
    "grok-1": ConfigFamily(
        architecture="Grok1ModelForCausalLM",
        routed=Routed(experts=("num_experts",), width=("intermediate_size",)),
        pattern=every_layer,
        num_norms=4,
        defaults=TIED,
    ),
    "aria_text": ConfigFamily(
        architecture="AriaTextForCausalLM",
        attention=BIASED_MHA,
        routed=Routed(
            experts=("moe_num_experts",),
            top_k=("moe_topk",),
            width=("intermediate_size",),
            shared_count="moe_num_shared_experts",
        ),
        pattern=every_layer,
        defaults=UNTIED | BIAS | MHA,
        only={"mlp_bias": False},
    ),
    "hunyuan_v1_moe": ConfigFamily(
        architecture="HunYuanMoEV1ForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="head"),
        routed=Routed(
            experts=EXPERTS,
            top_k=("moe_topk", "num_experts_per_tok"),
            width=("intermediate_size", "moe_intermediate_size"),
            shared_fixed=True,
        ),
        pattern=every_layer,
        by_layer={"moe_topk": "moe_topk", "moe_intermediate_size": "moe_intermediate_size"},
        defaults=UNTIED | BIAS | MHA,
        only={"num_shared_expert": 1, "use_mixed_mlp_moe": True, "use_cla": False},
    ),
    "jetmoe": ConfigFamily(
        architecture="JetMoeForCausalLM",
        attention=HeadExperts(),
        routed=replace(LOCAL, output_bias=True),
        pattern=every_layer,
        aliases={"head_dim": "kv_channels"},
        defaults=TIED,
    ),
    "arctic": ConfigFamily(
        architecture="ArcticForCausalLM",
        attention=_MHA_IF_NULL,
        routed=LOCAL,
        pattern=layer_frequency,
        residual="parallel_attn_mlp_res",
        defaults=UNTIED | MHA | {"parallel_attn_mlp_res": False},
    ),
}
"""By ``model_type``."""
