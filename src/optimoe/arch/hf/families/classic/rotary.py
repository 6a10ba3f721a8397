"""Decoders with rotary positions whose norms, biases or feed-forwards are not Llama's."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, MHA, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.layers import FULL, SLIDING, Switched, all_sliding, every, every_pattern, listed
from optimoe.arch.hf.mixers import Gqa

PLAIN = Dense(gated=False, bias=True)
"""Up and down with biases."""
_EQUAL = Gqa(kv_heads=(), head_field="")
_GPT_J = ConfigFamily(
    architecture="GPTJForCausalLM",
    attention=_EQUAL,
    dense=Dense(width="n_inner", times=4, gated=False, bias=True, activation="activation_function"),
    norm="layernorm",
    num_norms=1,
    unembedding_bias=True,
    aliases={"n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads"},
    defaults=UNTIED | {"n_inner": None},
)

ROTARY: dict[str, ConfigFamily] = {
    "nemotron": ConfigFamily(
        architecture="NemotronForCausalLM",
        attention=BIASED_MHA,
        dense=Dense(gated=False, bias="mlp_bias"),
        norm="layernorm",
        defaults=UNTIED | BIAS | MHA | {"mlp_bias": False},
        fixed={"hidden_act": "relu2"},
    ),
    "phi": ConfigFamily(
        architecture="PhiForCausalLM",
        attention=Gqa(
            qkv_bias=True,
            output_bias=True,
            qk_norm="head",
            qk_norm_bias=True,
            norm_flag="qk_layernorm",
            null_kv=True,
            fixed_head_dim=True,
        ),
        dense=PLAIN,
        norm="layernorm",
        num_norms=1,
        unembedding_bias=True,
        defaults=UNTIED | MHA | {"qk_layernorm": False},
    ),
    "phi3": ConfigFamily(
        architecture="Phi3ForCausalLM",
        attention=Gqa(null_kv=True),
        kinds=all_sliding,
        defaults=UNTIED | MHA | {"sliding_window": None},
    ),
    "gpt_neox": ConfigFamily(
        architecture="GPTNeoXForCausalLM",
        attention=replace(_EQUAL, qkv_bias="attention_bias", output_bias="attention_bias"),
        dense=PLAIN,
        norm="layernorm",
        defaults=UNTIED | {"attention_bias": True},
    ),
    "gptj": _GPT_J,
    "codegen": replace(_GPT_J, architecture="CodeGenForCausalLM"),
    "starcoder2": ConfigFamily(
        architecture="Starcoder2ForCausalLM",
        attention=Gqa(qkv_bias="use_bias", output_bias="use_bias"),
        kinds=all_sliding,
        dense=Dense(gated=False, bias="use_bias"),
        norm="layernorm",
        defaults=TIED | {"use_bias": True, "sliding_window": None},
    ),
    "stablelm": ConfigFamily(
        architecture="StableLmForCausalLM",
        attention=Gqa(qkv_bias="use_qkv_bias", qk_norm="full", norm_flag="qk_layernorm", fixed_head_dim=True),
        norm="layernorm",
        num_norms=Switched(field="use_parallel_residual", true=1, false=2),
        defaults=UNTIED | {"use_qkv_bias": False, "qk_layernorm": False, "use_parallel_residual": False},
    ),
    "persimmon": ConfigFamily(
        architecture="PersimmonForCausalLM",
        attention=replace(
            _EQUAL,
            qkv_bias=True,
            output_bias=True,
            qk_norm="head",
            qk_norm_bias=True,
            norm_flag="qk_layernorm",
        ),
        dense=PLAIN,
        norm="layernorm",
        defaults=UNTIED | {"qk_layernorm": True},
    ),
    "cohere": ConfigFamily(
        architecture="CohereForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full", norm_flag="use_qk_norm"),
        norm="layernorm_no_bias",
        num_norms=1,
        defaults=TIED | BIAS | MHA | {"use_qk_norm": False},
    ),
    "cohere2": ConfigFamily(
        architecture="Cohere2ForCausalLM",
        attention=replace(BIASED_MHA, fixed_head_dim=True),
        kinds=listed(every_pattern),
        norm="layernorm_no_bias",
        num_norms=1,
        defaults=TIED | BIAS | MHA | {"sliding_window": 4096, "sliding_window_pattern": 4},
    ),
    "olmo": ConfigFamily(
        architecture="OlmoForCausalLM",
        attention=BIASED_MHA,
        norm="layernorm_no_weight",
        defaults=UNTIED | BIAS | MHA,
    ),
    "olmo2": ConfigFamily(
        architecture="Olmo2ForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full"),
        defaults=UNTIED | BIAS | MHA,
    ),
    "olmo3": ConfigFamily(
        architecture="Olmo3ForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full"),
        kinds=listed(every(4, FULL, SLIDING)),
        defaults=UNTIED | BIAS | MHA | {"sliding_window": 4096},
    ),
    "internlm3": ConfigFamily(
        architecture="InternLM3ForCausalLM",
        attention=replace(BIASED_MHA, head_dim=128),
        dense=Dense(bias="mlp_bias"),
        aliases={"qkv_bias": "attention_bias", "bias": "mlp_bias"},
        same={"attention_bias": "mlp_bias"},
        defaults=UNTIED | BIAS | {"mlp_bias": False},
    ),
    "bitnet": ConfigFamily(
        architecture="BitNetForCausalLM",
        attention=replace(BIASED_MHA, inner_norm=True, fixed_head_dim=True),
        dense=Dense(inner_norm=True),
        defaults=UNTIED | BIAS,
    ),
    "diffllama": ConfigFamily(
        architecture="DiffLlamaForCausalLM",
        attention=replace(BIASED_MHA, differential=True),
        defaults=UNTIED | BIAS | MHA,
    ),
    "helium": ConfigFamily(
        architecture="HeliumForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", head_dim=128, fixed_head_dim=True),
        dense=Dense(bias="mlp_bias"),
        defaults=UNTIED | BIAS | {"mlp_bias": False},
    ),
}
"""By ``model_type``."""
