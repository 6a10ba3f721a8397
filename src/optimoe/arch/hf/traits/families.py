"""What each family's function needs beyond its parts; an empty tuple is a family that needs nothing.

Read from the families' own modelling code (``transformers`` 5.24, and xai-org/grok-1 for grok-1), not from their
configurations alone.
"""

from optimoe.arch.hf.traits.readers import (
    Reader,
    activation,
    always,
    best_of_groups,
    clamped_swiglu,
    embedding_by_width,
    factors,
    gates_normed,
    gates_scaled,
    gates_sum,
    gates_sum_by,
    groups,
    only_windows_have_positions,
    present,
    query_scale,
    rope,
    routed,
)

_LLAMA = (activation(), rope())
_SUMMED = (*_LLAMA, gates_sum(True))
_QWEN_MOE = (*_LLAMA, gates_sum_by())
_QWEN_NEXT = (activation(), rope(share=0.25), always("norms_from_one"))
_BIASED_SIGMOID = (routed("score=sigmoid", "balanced_by_bias"), gates_sum_by(), gates_scaled, groups)
_DEEPSEEK = (*_LLAMA, *_BIASED_SIGMOID)
_GRANITE = (
    *_SUMMED,
    factors(
        embedding_factor="embedding_multiplier",
        residual_factor="residual_multiplier",
        attention_factor="attention_multiplier",
        logits_divisor="logits_scaling",
    ),
)
_GEMMA_ACT = activation("hidden_activation", "hidden_act", default="gelu_tanh")
_GEMMA = (rope(), embedding_by_width, always("norms_from_one"))
_CAPS = (("attn_logit_softcapping", "attention_cap"), ("final_logit_softcapping", "logits_cap"))

TRAITS: dict[str, tuple[Reader, ...]] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "ministral3": (activation(), rope(scaling="yarn-16"), always("attention_temperature")),
    "mixtral": _SUMMED,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "qwen2_moe": _QWEN_MOE,
    "qwen3_moe": _QWEN_MOE,
    "qwen3_next": (*_QWEN_NEXT, gates_sum_by()),
    "qwen3_5_moe_text": (*_QWEN_NEXT, gates_sum(True)),
    "qwen3_5_text": _QWEN_NEXT,
    "gpt_oss": (rope(scaling="yarn-32"), gates_sum(True), clamped_swiglu),
    "llama4_text": (
        *_LLAMA,
        always("layers_without_positions"),
        routed("experts_scaled_by_input", "score=sigmoid"),
        present("use_qk_norm", "queries_of_length_one", absent=True),
        present("attn_temperature_tuning", "attention_temperature", absent=True),
    ),
    "olmoe": (*_QWEN_MOE, present("clip_qkv", "qkv_clipped")),
    "dbrx": (
        activation("ffn_config.ffn_act_fn.name"),
        rope(),
        gates_normed("ffn_config.moe_normalize_expert_weights"),
        present("attn_config.clip_qkv", "qkv_clipped", absent=True),
    ),
    "jamba": (activation(), gates_sum(False), always("no_positions")),
    "deepseek_v2": (*_LLAMA, gates_sum(False), gates_scaled, best_of_groups),
    "deepseek_v3": _DEEPSEEK,
    "kimi_k2": _DEEPSEEK,
    "deepseek_v32": _DEEPSEEK,
    "glm_moe_dsa": _DEEPSEEK,
    "glm4_moe_lite": _DEEPSEEK,
    "glm4_moe": (activation(), rope(share=0.5), *_BIASED_SIGMOID),
    "ernie4_5_moe": (*_SUMMED, routed("balanced_by_bias")),
    "phimoe": (*_LLAMA, always("sparse_mixer")),
    "granitemoe": _GRANITE,
    "granitemoeshared": _GRANITE,
    "minimax": (*_SUMMED, always("residual_of_normed")),
    "minimax_m2": (*_SUMMED, routed("score=sigmoid", "balanced_by_bias")),
    "gemma": (activation(default="gelu_tanh"), *_GEMMA),
    "gemma2": (_GEMMA_ACT, *_GEMMA, query_scale, *(present(*cap, absent=True) for cap in _CAPS)),
    "gemma3_text": (
        _GEMMA_ACT,
        *_GEMMA,
        query_scale,
        always("rope_of_layer_kinds"),
        *(present(*cap) for cap in _CAPS),
    ),
    "grok-1": (
        always("activation=gelu_tanh", "attention_cap", "embedding_factor=78.3837", "logits_divisor=1.73205"),
        gates_sum(False),
    ),
    "mimo_v2_flash": (*_DEEPSEEK, always("rope_of_layer_kinds", "values_scaled")),
    "exaone_moe": (*_DEEPSEEK, only_windows_have_positions),
    "step3p7": (*_SUMMED, routed("score=sigmoid", "balanced_by_bias"), always("norms_from_one", "rope_of_layers")),
    "arctic": (*_SUMMED, always("experts_beside_attention")),
}
"""By ``model_type``; models of the families that are not here are built as shapes only."""
