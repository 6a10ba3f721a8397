"""The families of ``config.json``: each a composition of field tables.

``defaults`` is what the family's configuration class in ``transformers`` 5 takes for an absent field, given
only for fields that published configurations leave out; every other field that changes a count must be there.
"""

from dataclasses import replace

from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import (
    Dense,
    Routed,
    every_layer,
    expert_period,
    interleaved,
    layer_frequency,
    leading_dense,
    listed_or_leading,
    marked_layers,
    sparse_step,
    within,
)
from optimoe.arch.hf.layers import (
    FULL,
    LINEAR,
    SLIDING,
    all_full,
    all_sliding,
    attention_period,
    every,
    every_interval,
    every_pattern,
    listed,
    listed_or_sliding,
    marked,
    qwen_windows,
    rope_chunks,
    selecting,
)
from optimoe.arch.hf.mixers import DeltaNet, Gqa, JambaMamba, Lightning, Mla
from optimoe.arch.hf.traits.families import TRAITS
from optimoe.core.errors import ConfigError
from optimoe.core.plugins import entry_point_names, load_entry_point

_TIED, _UNTIED = {"tie_word_embeddings": True}, {"tie_word_embeddings": False}
_BIAS = {"attention_bias": False}
_MHA = {"num_key_value_heads": None}  # absent as null: as many as heads
_QWEN_WINDOW = {"use_sliding_window": False, "max_window_layers": 28, "sliding_window": 4096}
_SPARSE_STEP = {"decoder_sparse_step": 1, "mlp_only_layers": []}
_BIASED = Gqa(qkv_bias="attention_bias", output_bias="attention_bias")
_MHA_IF_NULL = Gqa(null_kv=True)
_BIASED_MHA = replace(_BIASED, null_kv=True)
_NORMED = Gqa(qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head")
_GATED = Gqa(
    qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head", output_gate=True, head_dim=256
)
_MIMO = Gqa(qkv_bias="attention_bias", value_field="v_head_dim", sinks="add_full_attention_sink_bias")
_LOCAL = Routed(experts=("num_local_experts",), width=("intermediate_size",))
_ALIASED = replace(_LOCAL, experts=("num_local_experts", "num_experts"))
_TOP_K = ("num_experts_per_tok", "experts_per_token")
_BIASED_EXPERTS = replace(_ALIASED, top_k=_TOP_K, router_bias=True, expert_bias=True)
_DEEPSEEK = Routed(experts=("n_routed_experts", "num_local_experts"), shared_count="n_shared_experts")
_EXPERTS = ("num_experts", "num_local_experts")
_QWEN_SHARED = Routed(shared_width="shared_expert_intermediate_size", shared_gate=True)
_MTP = "num_nextn_predict_layers"
_LATENT = ConfigFamily(
    architecture="DeepseekV3ForCausalLM",
    attention=Mla(),
    routed=_DEEPSEEK,
    pattern=leading_dense,
    mtp=_MTP,
    defaults=_UNTIED | _BIAS | {_MTP: 0},
    only={"moe_layer_freq": 1},
)
_SPARSE = replace(
    _LATENT,
    attention=Mla(indexer=True),
    routed=replace(_DEEPSEEK, experts=("n_routed_experts", "num_local_experts", "num_experts")),
    pattern=listed_or_leading,
    kinds=selecting,
    only={"moe_layer_freq": 1, "index_topk_pattern": None},
)
_QWEN35 = ConfigFamily(
    architecture="Qwen3_5ForCausalLM",
    attention=_GATED,
    linear=DeltaNet(),
    kinds=listed(every_interval),
    mtp="mtp_num_hidden_layers",
    defaults=_UNTIED | _BIAS | {"full_attention_interval": 4, "mtp_num_hidden_layers": 0},
)
_GRANITE = ConfigFamily(
    architecture="GraniteMoeForCausalLM",
    attention=_BIASED_MHA,
    routed=_LOCAL,
    pattern=every_layer,
    defaults=_UNTIED | _BIAS | _MHA,
)

_PARTS: dict[str, ConfigFamily] = {
    "llama": ConfigFamily(
        architecture="LlamaForCausalLM",
        attention=_BIASED_MHA,
        dense=Dense(bias="mlp_bias"),
        defaults=_UNTIED | _BIAS | _MHA | {"mlp_bias": False},
        fixed={"hidden_act": "silu"},
    ),
    "mistral": ConfigFamily(
        architecture="MistralForCausalLM",
        kinds=listed_or_sliding,
        defaults=_UNTIED | {"num_key_value_heads": 8, "sliding_window": 4096},
    ),
    "ministral3": ConfigFamily(
        architecture="Ministral3ForCausalLM",
        attention=Gqa(head_dim=128),
        kinds=all_sliding,
        defaults=_UNTIED | {"sliding_window": None},
    ),
    "mixtral": ConfigFamily(
        architecture="MixtralForCausalLM",
        kinds=listed_or_sliding,
        routed=_ALIASED,
        pattern=every_layer,
        defaults=_UNTIED | {"num_key_value_heads": 8, "sliding_window": None},
        fixed={"hidden_act": "silu"},
    ),
    "qwen2": ConfigFamily(
        architecture="Qwen2ForCausalLM",
        attention=Gqa(qkv_bias=True, null_kv=True),
        kinds=listed(qwen_windows),
        defaults=_UNTIED | _QWEN_WINDOW,
    ),
    "qwen3": ConfigFamily(
        architecture="Qwen3ForCausalLM",
        attention=replace(_NORMED, null_kv=True, head_dim=128),
        kinds=listed(qwen_windows),
        defaults=_UNTIED | _BIAS | _QWEN_WINDOW,
    ),
    "qwen2_moe": ConfigFamily(
        architecture="Qwen2MoeForCausalLM",
        attention=Gqa(qkv_bias="qkv_bias"),
        kinds=listed(qwen_windows),
        routed=_QWEN_SHARED,
        pattern=sparse_step,
        defaults=_UNTIED | _QWEN_WINDOW | _SPARSE_STEP | {"qkv_bias": True},
    ),
    "qwen3_moe": ConfigFamily(
        architecture="Qwen3MoeForCausalLM",
        attention=_NORMED,
        kinds=qwen_windows,
        routed=Routed(experts=_EXPERTS),
        pattern=sparse_step,
        defaults=_UNTIED | _BIAS | _QWEN_WINDOW | _SPARSE_STEP,
    ),
    "qwen3_next": ConfigFamily(
        architecture="Qwen3NextForCausalLM",
        attention=_GATED,
        linear=DeltaNet(),
        kinds=listed(every_interval),
        routed=_QWEN_SHARED,
        pattern=sparse_step,
        defaults=_UNTIED | _BIAS | _SPARSE_STEP | {"full_attention_interval": 4},
    ),
    "qwen3_5_moe_text": replace(
        _QWEN35, architecture="Qwen3_5MoeForCausalLM", routed=_QWEN_SHARED, pattern=every_layer
    ),
    "qwen3_5_text": _QWEN35,
    "gpt_oss": ConfigFamily(
        architecture="GptOssForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", sinks=True, head_dim=64),
        kinds=listed(every(2, FULL, SLIDING)),
        routed=_BIASED_EXPERTS,
        pattern=every_layer,
        defaults=_UNTIED | {"attention_bias": True},
    ),
    "llama4_text": ConfigFamily(
        architecture="Llama4ForCausalLM",
        attention=replace(_BIASED, head_dim=128),
        kinds=listed(rope_chunks),
        dense=Dense(width="intermediate_size_mlp"),
        routed=replace(_LOCAL, shared_fixed=True),
        pattern=interleaved,
        defaults=_UNTIED | _BIAS | {"no_rope_layer_interval": 4},
    ),
    "olmoe": ConfigFamily(
        architecture="OlmoeForCausalLM",
        attention=replace(_BIASED_MHA, qk_norm="full", fixed_head_dim=True),
        routed=Routed(experts=_EXPERTS, width=("intermediate_size",)),
        pattern=every_layer,
        defaults=_UNTIED | _BIAS,
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
        defaults=_UNTIED,
        only=_UNTIED,
    ),
    "jamba": ConfigFamily(
        architecture="JambaForCausalLM",
        linear=JambaMamba(),
        kinds=attention_period,
        routed=Routed(experts=_EXPERTS, width=("intermediate_size",)),
        pattern=expert_period,
        defaults=_UNTIED | {"mamba_conv_bias": True, "mamba_proj_bias": False},
    ),
    "deepseek_v2": replace(
        _LATENT,
        architecture="DeepseekV2ForCausalLM",
        routed=replace(_DEEPSEEK, experts=("n_routed_experts", "num_experts")),
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
    "glm4_moe": ConfigFamily(
        architecture="Glm4MoeForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", qk_norm="use_qk_norm"),
        routed=_DEEPSEEK,
        pattern=leading_dense,
        mtp=_MTP,
        defaults=_UNTIED | _BIAS | {"use_qk_norm": False, _MTP: 0},
    ),
    "ernie4_5_moe": ConfigFamily(
        architecture="Ernie4_5_MoeForCausalLM",
        attention=_MHA_IF_NULL,
        routed=Routed(
            experts=("moe_num_experts", "num_experts"),
            top_k=("moe_k", "num_experts_per_tok"),
            shared_count="moe_num_shared_experts",
        ),
        pattern=within,
        defaults=_TIED | {"moe_layer_end_index": -1},
        only={"use_bias": False},
    ),
    "phimoe": ConfigFamily(
        architecture="PhimoeForCausalLM",
        attention=_BIASED,
        kinds=all_sliding,
        routed=_LOCAL,
        pattern=every_layer,
        norm="layernorm",
        unembedding_bias="lm_head_bias",
        defaults=_UNTIED | _BIAS | {"lm_head_bias": False, "sliding_window": None},
    ),
    "granitemoe": _GRANITE,
    "granitemoeshared": replace(
        _GRANITE,
        architecture="GraniteMoeSharedForCausalLM",
        routed=replace(_LOCAL, shared_width="shared_intermediate_size"),
    ),
    "minimax": ConfigFamily(
        architecture="MiniMaxForCausalLM",
        linear=Lightning(),
        kinds=listed(every(2, LINEAR, FULL)),
        routed=_ALIASED,
        pattern=every_layer,
        defaults=_UNTIED,
    ),
    "minimax_m2": ConfigFamily(
        architecture="MiniMaxM2ForCausalLM",
        attention=Gqa(qk_norm="full", head_dim=128),
        routed=_ALIASED,
        pattern=every_layer,
        mtp="num_mtp_modules",
        defaults=_UNTIED | {"num_mtp_modules": 0},
    ),
    "gemma": ConfigFamily(
        architecture="GemmaForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", head_dim=256),
        defaults=_TIED | _BIAS,
    ),
    "gemma2": ConfigFamily(
        architecture="Gemma2ForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", head_dim=256),
        kinds=listed(every(2, FULL, SLIDING)),
        num_norms=4,
        defaults=_TIED | _BIAS | {"sliding_window": 4096},
    ),
    "gemma3_text": ConfigFamily(
        architecture="Gemma3ForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head", head_dim=256),
        kinds=listed(every_pattern),
        num_norms=4,
        defaults=_TIED
        | _BIAS
        | {"sliding_window": 4096, "sliding_window_pattern": 6}
        | {"vocab_size": 262_208, "num_attention_heads": 8, "num_key_value_heads": 4},
    ),
    "grok-1": ConfigFamily(
        architecture="Grok1ModelForCausalLM",
        routed=Routed(experts=("num_experts",), width=("intermediate_size",)),
        pattern=every_layer,
        num_norms=4,
        defaults=_TIED,
    ),
    "mimo_v2_flash": ConfigFamily(
        architecture="MiMoV2FlashForCausalLM",
        attention=replace(
            _MIMO,
            sliding=replace(
                _MIMO,
                heads=("swa_num_attention_heads",),
                kv_heads=("swa_num_key_value_heads",),
                head_field="swa_head_dim",
                value_field="swa_v_head_dim",
                sinks="add_swa_attention_sink_bias",
            ),
        ),
        kinds=marked,
        routed=Routed(experts=("n_routed_experts",)),
        pattern=marked_layers,
        defaults=_UNTIED | _BIAS,
        only={"n_shared_experts": None},
    ),
    "exaone_moe": ConfigFamily(
        architecture="ExaoneMoEForCausalLM",
        attention=Gqa(qk_norm="head"),
        kinds=listed(every_pattern),
        routed=Routed(experts=_EXPERTS, shared_count="num_shared_experts"),
        pattern=listed_or_leading,
        mtp=_MTP,
        defaults=_UNTIED | {_MTP: 0, "sliding_window_pattern": 4, "sliding_window": 4096, "num_shared_experts": 1},
    ),
    "step3p7": ConfigFamily(
        architecture="Step3p7FlashForCausalLM",
        kinds=listed(all_full),
        routed=Routed(experts=_EXPERTS, shared_width="share_expert_dim"),
        pattern=leading_dense,
        mtp=_MTP,
        defaults=_UNTIED | {_MTP: 0},
        only={"n_shared_experts": 1},
    ),
    "arctic": ConfigFamily(
        architecture="ArcticForCausalLM",
        attention=_MHA_IF_NULL,
        routed=_LOCAL,
        pattern=layer_frequency,
        residual="parallel_attn_mlp_res",
        defaults=_UNTIED | _MHA | {"parallel_attn_mlp_res": False},
    ),
}

FAMILIES = {name: replace(family, traits=TRAITS[name]) for name, family in _PARTS.items()}
"""By ``model_type``: what a family is made of, and what its function needs beyond that."""

TEXT_PARTS = {
    "kimi_k25": "kimi_k2",
    "mistral3": "mistral",
    "llama4": "llama4_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "gemma3": "gemma3_text",
}
"""Models of several modalities, and what their ``text_config`` is where it does not say."""


GROUP = "optimoe.families"
"""The group of entry points under which installed packages state families, each by its ``model_type``."""


def family_names() -> tuple[str, ...]:
    """Every ``model_type`` that is known: the built-in families first, then those of installed packages."""
    return (*FAMILIES, *(name for name in entry_point_names(GROUP) if name not in FAMILIES))


def find_family(model_type: str) -> ConfigFamily | None:
    """The family of a ``model_type``: a built-in one, else one that an installed package states; or none.

    Raises:
        ConfigError: A package states it but cannot be loaded, or states something else than a family.
    """
    if model_type in FAMILIES or model_type not in entry_point_names(GROUP):
        return FAMILIES.get(model_type)
    family = load_entry_point(GROUP, model_type)
    if not isinstance(family, ConfigFamily):
        raise ConfigError(f"{GROUP}: {model_type} must be a ConfigFamily, got {type(family).__name__}")
    return family
