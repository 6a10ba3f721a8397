"""Dense decoders of softmax attention."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, MHA, NORMED, QWEN_WINDOW, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.layers import (
    FULL,
    SLIDING,
    all_sliding,
    every,
    every_pattern,
    listed,
    listed_or_sliding,
    qwen_windows,
)
from optimoe.arch.hf.mixers import Gqa

DENSE: dict[str, ConfigFamily] = {
    "llama": ConfigFamily(
        architecture="LlamaForCausalLM",
        attention=BIASED_MHA,
        dense=Dense(bias="mlp_bias"),
        defaults=UNTIED | BIAS | MHA | {"mlp_bias": False},
        fixed={"hidden_act": "silu"},
    ),
    "mistral": ConfigFamily(
        architecture="MistralForCausalLM",
        kinds=listed_or_sliding,
        defaults=UNTIED | {"num_key_value_heads": 8, "sliding_window": 4096},
    ),
    "ministral3": ConfigFamily(
        architecture="Ministral3ForCausalLM",
        attention=Gqa(head_dim=128),
        kinds=all_sliding,
        defaults=UNTIED | {"sliding_window": None},
    ),
    "qwen2": ConfigFamily(
        architecture="Qwen2ForCausalLM",
        attention=Gqa(qkv_bias=True, null_kv=True),
        kinds=listed(qwen_windows),
        defaults=UNTIED | QWEN_WINDOW,
    ),
    "qwen3": ConfigFamily(
        architecture="Qwen3ForCausalLM",
        attention=replace(NORMED, null_kv=True, head_dim=128),
        kinds=listed(qwen_windows),
        defaults=UNTIED | BIAS | QWEN_WINDOW,
    ),
    "gemma": ConfigFamily(
        architecture="GemmaForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", head_dim=256),
        dense=Dense(activation="hidden_activation"),
        defaults=TIED | BIAS,
    ),
    "gemma2": ConfigFamily(
        architecture="Gemma2ForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", head_dim=256),
        dense=Dense(activation="hidden_activation"),
        kinds=listed(every(2, FULL, SLIDING)),
        num_norms=4,
        defaults=TIED | BIAS | {"sliding_window": 4096},
    ),
    "gemma3_text": ConfigFamily(
        architecture="Gemma3ForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head", head_dim=256),
        dense=Dense(activation="hidden_activation"),
        kinds=listed(every_pattern),
        num_norms=4,
        defaults=TIED
        | BIAS
        | {"sliding_window": 4096, "sliding_window_pattern": 6}
        | {"vocab_size": 262_208, "num_attention_heads": 8, "num_key_value_heads": 4},
    ),
}
"""By ``model_type``."""
