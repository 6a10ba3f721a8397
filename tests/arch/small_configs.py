"""A small ``config.json`` of each family, with more than its simplest features on."""

BASE = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
MLA = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 24,
    "q_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "n_shared_experts": 2,
    "moe_intermediate_size": 40,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
}
INDEXER = {"index_n_heads": 4, "index_head_dim": 16, "index_topk": 8}
LINEAR = {
    "head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 12,
    "linear_conv_kernel_dim": 4,
}
QWEN_MOE = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 40}
LOCAL = {"num_local_experts": 6, "num_experts_per_tok": 2}

MAMBA = {
    "state_size": 8,
    "conv_kernel": 3,
    "expand": 2,
    "time_step_rank": 6,
    "use_bias": True,
    "use_conv_bias": False,
    "tie_word_embeddings": False,
}
MAMBA2 = {
    "mamba_n_heads": 4,
    "mamba_d_head": "auto",
    "mamba_n_groups": 2,
    "mamba_d_state": 8,
    "mamba_d_conv": 3,
    "mamba_expand": 2,
    "mamba_conv_bias": False,
    "mamba_proj_bias": True,
}

SMALL: dict[str, dict] = {
    "llama": {"attention_bias": True, "mlp_bias": True, "head_dim": 24, "tie_word_embeddings": True},
    "mistral": {"sliding_window": 16, "head_dim": 20},
    "ministral3": {"head_dim": 24},
    "mixtral": LOCAL,
    "qwen2": {"use_sliding_window": True, "max_window_layers": 2, "sliding_window": 16},
    "qwen3": {"head_dim": 24, "attention_bias": True},
    "qwen2_moe": QWEN_MOE | {"shared_expert_intermediate_size": 56, "decoder_sparse_step": 2},
    "qwen3_moe": QWEN_MOE | {"head_dim": 24, "mlp_only_layers": [1]},
    "qwen3_next": QWEN_MOE | LINEAR | {"shared_expert_intermediate_size": 56},
    "qwen3_5_moe_text": QWEN_MOE | LINEAR | {"shared_expert_intermediate_size": 56},
    "qwen3_5_text": LINEAR,
    "gpt_oss": LOCAL | {"head_dim": 24, "sliding_window": 16},
    "llama4_text": LOCAL
    | {
        "head_dim": 16,
        "intermediate_size_mlp": 112,
        "interleave_moe_layer_step": 2,
        "attention_chunk_size": 16,
    },
    "olmoe": {"num_experts": 6, "num_experts_per_tok": 2},
    "jamba": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "attn_layer_period": 4,
        "attn_layer_offset": 2,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "mamba_d_state": 8,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "mamba_dt_rank": 6,
        "mamba_proj_bias": True,
        "use_mamba_kernels": False,
    },
    "deepseek_v2": MLA | {"q_lora_rank": None},
    "deepseek_v3": MLA | {"attention_bias": True},
    "deepseek_v32": MLA | INDEXER,
    "glm_moe_dsa": MLA
    | INDEXER
    | {"first_k_dense_replace": 3, "indexer_types": ["full", "full", "shared", "full"]},
    "glm4_moe_lite": MLA | {"mlp_layer_types": ["dense", "sparse", "sparse", "sparse"]},
    "deepseek_v4": {
        "intermediate_size": 40,
        "moe_intermediate_size": 40,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "num_key_value_heads": 1,
        "head_dim": 24,
        "q_lora_rank": 32,
        "o_groups": 1,
        "o_lora_rank": 12,
        "sliding_window": 8,
        "compress_rates": {"compressed_sparse_attention": 2, "heavily_compressed_attention": 6},
        "layer_types": [
            "sliding_attention",
            "heavily_compressed_attention",
            "compressed_sparse_attention",
            "heavily_compressed_attention",
        ],
        "hc_mult": 3,
    }
    | INDEXER,
    "axk1": MLA | {"mlp_layer_types": ["dense", "sparse", "dense", "sparse"]},
    "sarvam_mla": MLA | {"q_lora_rank": None},
    "exaone_moe": QWEN_MOE
    | {
        "head_dim": 24,
        "sliding_window": 16,
        "num_shared_experts": 2,
        "mlp_layer_types": ["dense", "sparse", "dense", "sparse"],
    },
    "glm4_moe": {
        "n_routed_experts": 6,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "moe_intermediate_size": 40,
        "first_k_dense_replace": 1,
        "head_dim": 24,
        "use_qk_norm": True,
        "attention_bias": True,
    },
    "ernie4_5_moe": {
        "moe_num_experts": 6,
        "moe_k": 2,
        "moe_num_shared_experts": 2,
        "moe_intermediate_size": 40,
        "moe_layer_interval": 2,
        "moe_layer_start_index": 1,
        "tie_word_embeddings": False,
    },
    "mimo_v2_flash": {
        "head_dim": 24,
        "v_head_dim": 16,
        "sliding_window": 16,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
        "n_routed_experts": 6,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 40,
        "attention_bias": True,
    },
    "afmoe": QWEN_MOE
    | {
        "head_dim": 24,
        "sliding_window": 16,
        "num_dense_layers": 1,
        "num_shared_experts": 2,
        "attention_bias": True,
        "global_attn_every_n_layers": 2,
    },
    "laguna": QWEN_MOE
    | {
        "head_dim": 24,
        "sliding_window": 16,
        "shared_expert_intermediate_size": 56,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "num_attention_heads_per_layer": [4, 6, 6, 2],
        "gating": "per-element",
        "attention_bias": True,
    },
    "mellum": QWEN_MOE
    | {
        "head_dim": 24,
        "sliding_window": 16,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "mlp_layer_types": ["dense", "sparse", "dense", "sparse"],
    },
    "cohere2_moe": {
        "head_dim": 24,
        "sliding_window": 16,
        "num_experts": 6,
        "num_experts_per_tok": 2,
        "num_shared_experts": 2,
        "first_k_dense_replace": 2,
        "prefix_dense_intermediate_size": 112,
        "tie_word_embeddings": True,
    },
    "granitemoe_swa": LOCAL | {"sliding_window": 16, "shared_intermediate_size": 56, "attention_bias": True},
    "dots1": {
        "n_routed_experts": 6,
        "n_shared_experts": 2,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 40,
        "first_k_dense_replace": 1,
        "sliding_window": 16,
        "max_window_layers": 2,
        "attention_bias": True,
    },
    "solar_open": {
        "head_dim": 24,
        "n_routed_experts": 6,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 40,
        "attention_bias": True,
    },
    "hy_v3": QWEN_MOE | {"head_dim": 24, "num_shared_experts": 2, "attention_bias": True},
    "sarvam_moe": QWEN_MOE
    | {"head_dim": 24, "num_shared_experts": 1}
    | {"first_k_dense_replace": 1, "use_qkv_bias": True},
    "aria_text": {"moe_num_experts": 6, "moe_topk": 2, "moe_num_shared_experts": 2, "attention_bias": True},
    "flex_olmo": {"vocab_size": 100_352, "num_experts": 6, "num_experts_per_tok": 2, "head_dim": 24},
    "hunyuan_v1_moe": {"head_dim": 24, "num_experts": 6, "moe_topk": [1, 2, 2, 3], "attention_bias": True},
    "phimoe": LOCAL | {"attention_bias": True, "lm_head_bias": True},
    "granitemoe": LOCAL | {"attention_bias": True, "tie_word_embeddings": True},
    "granitemoeshared": LOCAL | {"shared_intermediate_size": 56},
    "minimax": LOCAL | {"head_dim": 16, "block_size": 8},
    "minimax_m2": LOCAL | {"head_dim": 24},
    "mamba": MAMBA,
    "falcon_mamba": MAMBA,
    "mamba2": {
        "num_heads": 8,
        "head_dim": 16,
        "n_groups": 2,
        "state_size": 8,
        "conv_kernel": 3,
        "expand": 2,
        "use_bias": True,
        "use_conv_bias": False,
        "tie_word_embeddings": True,
    },
    "nemotron_h": {
        "layers_block_type": ["mamba", "moe", "attention", "mlp"],
        "head_dim": 24,
        "mamba_num_heads": 4,
        "mamba_head_dim": 12,
        "n_groups": 2,
        "ssm_state_size": 8,
        "conv_kernel": 3,
        "use_conv_bias": False,
        "use_bias": True,
        "n_routed_experts": 6,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 40,
        "moe_shared_expert_intermediate_size": 56,
        "moe_latent_size": 32,
    },
    "lfm2": {
        "conv_L_cache": 3,
        "conv_bias": True,
        "layer_types": ["conv", "full_attention", "conv", "conv"],
        "block_auto_adjust_ff_dim": True,
        "block_ffn_dim_multiplier": 1.3,
        "block_multiple_of": 16,
        "tie_embedding": False,
    },
    "lfm2_moe": QWEN_MOE
    | {
        "conv_L_cache": 4,
        "conv_bias": False,
        "layer_types": ["conv", "full_attention", "conv", "conv"],
        "num_dense_layers": 1,
        "tie_word_embeddings": True,
    },
    "recurrent_gemma": {
        "lru_width": 48,
        "conv1d_width": 3,
        "block_types": ["recurrent", "attention"],
        "attention_window_size": 16,
        "attention_bias": True,
    },
    "olmo_hybrid": LINEAR
    | {"linear_key_head_dim": None, "linear_num_key_heads": None, "attention_bias": True, "pad_token_id": 0},
    "kimi_linear": MLA
    | {
        "num_experts": 8,
        "linear_attn_config": {
            "num_heads": 4,
            "head_dim": 12,
            "short_conv_kernel_size": 3,
        },
        "layer_types": ["linear_attention", "full_attention", "linear_attention", "full_attention"],
        "pad_token_id": 0,
    },
    "bailing_hybrid": MLA
    | {
        "num_experts": 8,
        "head_dim": 12,
        "short_conv_kernel_size": 3,
        "layer_group_size": 3,
        "q_lora_rank": None,
        "pad_token_id": 0,
    },
    "granitemoehybrid": LOCAL
    | MAMBA2
    | {"shared_intermediate_size": 56, "layer_types": ["mamba", "attention", "mamba", "mamba"]},
    "bamba": MAMBA2 | {"attn_layer_indices": [1, 3], "mlp_bias": True},
    "falcon_h1": MAMBA2
    | {"mamba_d_ssm": 48, "mamba_d_head": 12, "mamba_rms_norm": True, "projectors_bias": True, "head_dim": 24},
    "gemma": {"head_dim": 24, "tie_word_embeddings": True},
    "gemma2": {"head_dim": 24, "sliding_window": 16, "tie_word_embeddings": True},
    "gemma3_text": {
        "head_dim": 24,
        "sliding_window": 16,
        "num_hidden_layers": 7,
        "tie_word_embeddings": True,
    },
}
SMALL |= {  # dense decoders of today
    "smollm3": {"use_sliding_window": True, "sliding_window": 16, "no_rope_layer_interval": 2, "mlp_bias": True},
    "glm": {"head_dim": 24},
    "glm4": {"head_dim": 24, "attention_bias": False},
    "seed_oss": {"head_dim": 24, "attention_out_bias": True},
    "exaone4": {"head_dim": 24, "sliding_window": 16},
    "granite": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "granite_swa": {"sliding_window": 16, "num_hidden_layers": 6},
    "ernie4_5": {"head_dim": 24, "use_bias": True},
    "hunyuan_v1_dense": {"head_dim": 24, "attention_bias": True},
    "arcee": {"head_dim": 24, "mlp_bias": True},
    "apertus": {"hidden_act": "xielu"},
    "exaone": {"head_dim": 24, "mlp_bias": True},
    "ministral": {"head_dim": 24, "sliding_window": 16},
    "vaultgemma": {"head_dim": 24, "sliding_window": 16},
    "jais2": {"attention_bias": True, "mlp_bias": True},
    "iquestcoder": {"head_dim": 24, "attention_bias": True},
    "hyperclovax": {"use_post_norm": True, "mlp_bias": True},
    "cwm": {"head_dim": 24, "sliding_window": 16, "num_hidden_layers": 6},
}
UNKNOWN_TO_TRANSFORMERS: dict[str, dict] = {
    "kimi_k2": MLA,
    "mistral4": MLA | {"attention_bias": True},
    "grok-1": {"num_experts": 8, "num_experts_per_tok": 2},
    "arctic": LOCAL | {"moe_layer_frequency": 1, "parallel_attn_mlp_res": True},
    "bailing_moe": QWEN_MOE | {"num_shared_experts": 2, "use_qkv_bias": True},
    "bailing_moe_v2": QWEN_MOE
    | {
        "head_dim": 24,
        "num_shared_experts": 1,
        "moe_shared_expert_intermediate_size": 40,
        "first_k_dense_replace": 1,
        "num_nextn_predict_layers": 1,
    },
    "step3p7": QWEN_MOE
    | {
        "head_dim": 24,
        "sliding_window": 16,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "first_k_dense_replace": 1,
        "share_expert_dim": 40,
        "n_shared_experts": 1,
        "num_nextn_predict_layers": 1,
    },
    "dbrx": {
        "d_model": 64,
        "n_heads": 4,
        "n_layers": 4,
        "vocab_size": 512,
        "attn_config": {"kv_n_heads": 2},
        "ffn_config": {"ffn_hidden_size": 40, "moe_num_experts": 6, "moe_top_k": 2},
    },
}


def small_config(model_type: str) -> dict:
    """The whole configuration of a family."""
    if model_type == "dbrx":
        return {"model_type": "dbrx"} | UNKNOWN_TO_TRANSFORMERS["dbrx"]
    own = SMALL.get(model_type) or UNKNOWN_TO_TRANSFORMERS[model_type]
    return {"model_type": model_type} | BASE | own
