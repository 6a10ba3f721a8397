"""A small model of each converted family, as its makers' own class makes it."""

import torch

COMMON = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
    "tie_word_embeddings": False,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
GROUPED = COMMON | {"num_key_value_heads": 2, "head_dim": 4, "rope_theta": 500.0, "rms_norm_eps": 1e-4}
DENSE = GROUPED | {"intermediate_size": 20}
ROUTED = {"num_experts_per_tok": 2, "intermediate_size": 12}
LOCAL = GROUPED | ROUTED | {"num_local_experts": 5}
QWEN = GROUPED | ROUTED | {"num_experts": 5, "moe_intermediate_size": 8}
SHARED = QWEN | {"shared_expert_intermediate_size": 12}
DEEPSEEK = {
    "n_routed_experts": 8,
    "moe_intermediate_size": 8,
    "first_k_dense_replace": 1,
    "n_shared_experts": 2,
    "n_group": 4,
    "topk_group": 2,
    "routed_scaling_factor": 1.7,
    "norm_topk_prob": True,
}
LATENT = (
    COMMON
    | ROUTED
    | DEEPSEEK
    | {"num_key_value_heads": 4, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 6, "v_head_dim": 4}
)
V2 = LATENT | {"norm_topk_prob": False}
WHOLE = {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 1.0}}


def scaled(kind, factor, **options):
    """Rotary positions of such heads and original texts that some channels are slowed and some not."""
    rope = {"rope_type": kind, "rope_theta": 500.0, "factor": factor, **options}
    return {"head_dim": 16, "qk_rope_head_dim": 16, "rope_parameters": rope}


LLAMA3 = scaled("llama3", 8.0, original_max_position_embeddings=24, low_freq_factor=0.5, high_freq_factor=2.0)
YARN = {"original_max_position_embeddings": 24, "beta_fast": 3.0, "beta_slow": 0.3}
SHARP = YARN | {"mscale": 0.8, "mscale_all_dim": 0.6}
GRANITE = {
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.4,
    "attention_multiplier": 0.3,
    "logits_scaling": 0.5,
}
THEIRS = {
    "llama": DENSE,
    "llama with biases": DENSE | {"attention_bias": True, "mlp_bias": True},
    "llama tied": DENSE | {"tie_word_embeddings": True},
    "llama longer": DENSE | LLAMA3,
    "llama gelu": DENSE | {"hidden_act": "gelu_pytorch_tanh"},
    "mistral": DENSE | {"sliding_window": None},
    "mistral with windows": DENSE | {"sliding_window": 3},
    "qwen2": DENSE,
    "qwen3 longer": DENSE | scaled("linear", 3.0),
    "qwen2 with windows": DENSE | {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1},
    "qwen3": DENSE | {"head_dim": 6},
    "qwen3 with windows": DENSE | {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1},
    "mixtral": LOCAL,
    "mixtral with windows": LOCAL | {"sliding_window": 3},
    "qwen2_moe": SHARED | {"norm_topk_prob": False},
    "qwen2_moe normalised": SHARED | {"norm_topk_prob": True, "decoder_sparse_step": 2},
    "qwen3_moe": QWEN | {"norm_topk_prob": True},
    "qwen3_moe every second": QWEN | {"norm_topk_prob": False, "decoder_sparse_step": 2},
    "qwen3_moe listed": QWEN | {"mlp_only_layers": [0]},
    "olmoe": GROUPED | ROUTED | {"num_experts": 5, "norm_topk_prob": False},
    "olmoe normalised": GROUPED | ROUTED | {"num_experts": 5, "norm_topk_prob": True},
    "deepseek_v2": V2 | {"q_lora_rank": 5, "topk_method": "greedy"},
    "deepseek_v2 with groups": V2 | {"q_lora_rank": None, "topk_method": "group_limited_greedy"},
    "deepseek_v2 longer": V2 | {"q_lora_rank": 5, "topk_method": "greedy"} | scaled("yarn", 4.0, **SHARP),
    "deepseek_v3": LATENT | {"q_lora_rank": 5},
    "deepseek_v3 longer": LATENT | {"q_lora_rank": 5} | scaled("yarn", 40.0, **YARN),
    "deepseek_v3 plain queries": LATENT | {"q_lora_rank": None, "norm_topk_prob": False, "n_shared_experts": 1},
    "deepseek_v3 with biases": LATENT | {"q_lora_rank": 5, "attention_bias": True, "n_group": 1, "topk_group": 1},
    "glm4_moe": GROUPED | ROUTED | DEEPSEEK | WHOLE | {"use_qk_norm": True, "attention_bias": True},
    "glm4_moe half turned": GROUPED | ROUTED | DEEPSEEK | {"head_dim": 8},
    "glm4_moe_lite": LATENT | {"q_lora_rank": 5},
    "minimax_m2": LOCAL | WHOLE,
    "minimax_m2 half turned": LOCAL | {"head_dim": 8, "rotary_dim": 4},
    "granitemoe": LOCAL | GRANITE,
    "gpt_oss longer": LOCAL | {"sliding_window": 4} | scaled("yarn", 32.0, **YARN, truncate=False),
    "gpt_oss": LOCAL | {"sliding_window": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
}
"""By family and what is on; the first word is the ``model_type``."""


def family_of(name):
    return name.split()[0]


def make_theirs(name):
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(family_of(name), **THEIRS[name])
    eager = {"attn_implementation": "eager", "experts_implementation": "eager"}
    model = AutoModelForCausalLM.from_config(config, **eager).eval()
    for key, tensor in model.state_dict().items():
        if key.endswith("e_score_correction_bias"):
            tensor.normal_(std=0.3)  # zero at the start, like norms and biases, which would hide a missing one
        elif tensor.dim() == 1 or "bias" in key:
            tensor.add_(torch.randn_like(tensor) * 0.2)
    return model
