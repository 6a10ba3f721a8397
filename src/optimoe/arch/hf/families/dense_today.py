"""Dense decoders of today that differ from Llama by a bias, a norm, a window or an activation."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED, BIASED_MHA, MHA, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.layers import (
    FULL,
    SLIDING,
    Switched,
    every,
    every_pattern,
    listed,
    listed_or_sliding,
    no_rope_windows,
    starting,
)
from optimoe.arch.hf.mixers import Gqa

_BIASED_MLP = Dense(bias="mlp_bias")
_PLAIN_MLP = replace(_BIASED_MLP, gated=False)
_NO_MLP_BIAS = {"mlp_bias": False}
_NORMED_MHA = replace(BIASED_MHA, qk_norm="head")
_LLAMA = UNTIED | BIAS | MHA | _NO_MLP_BIAS
_XIELU = {"hidden_act": "xielu"}
_APERTUS = ConfigFamily(
    architecture="ApertusForCausalLM",
    attention=_NORMED_MHA,
    dense=Dense(gated=False),
    defaults=UNTIED | BIAS | MHA | _XIELU,
    fixed={"hidden_act": "relu2"},
)
_GLM = ConfigFamily(
    architecture="GlmForCausalLM",
    attention=Gqa(qkv_bias="attention_bias", head_dim=128),
    defaults=UNTIED | {"attention_bias": True},
)
_GRANITE = ConfigFamily(
    architecture="GraniteForCausalLM", attention=BIASED_MHA, dense=_BIASED_MLP, defaults=_LLAMA
)

DENSE_TODAY: dict[str, ConfigFamily] = {
    "smollm3": ConfigFamily(
        architecture="SmolLM3ForCausalLM",
        attention=BIASED_MHA,
        dense=_BIASED_MLP,
        kinds=listed(no_rope_windows),
        defaults=TIED
        | BIAS
        | _NO_MLP_BIAS
        | {"use_sliding_window": False, "sliding_window": None, "no_rope_layer_interval": 4},
    ),
    "glm": _GLM,
    "glm4": replace(_GLM, architecture="Glm4ForCausalLM", num_norms=4),
    "seed_oss": ConfigFamily(
        architecture="SeedOssForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_out_bias", null_kv=True, head_dim=128),
        dense=_BIASED_MLP,
        defaults=UNTIED | _NO_MLP_BIAS | {"attention_bias": True, "attention_out_bias": False},
    ),
    "exaone4": ConfigFamily(
        architecture="Exaone4ForCausalLM",
        attention=Gqa(qk_norm="head"),
        kinds=listed(every_pattern),
        defaults=UNTIED | {"sliding_window": 4096, "sliding_window_pattern": 4},
    ),
    "granite": _GRANITE,
    "granite_swa": replace(
        _GRANITE,
        architecture="GraniteSWAForCausalLM",
        attention=replace(BIASED_MHA, sinks=True),
        kinds=listed(starting(4, FULL, SLIDING)),
        defaults=TIED | BIAS | _NO_MLP_BIAS | {"sliding_window": 128},
    ),
    "ernie4_5": ConfigFamily(
        architecture="Ernie4_5ForCausalLM",
        attention=Gqa(qkv_bias="use_bias", output_bias="use_bias", null_kv=True, head_dim=128),
        dense=Dense(bias="use_bias"),
        defaults=TIED | {"use_bias": False},
    ),
    "hunyuan_v1_dense": ConfigFamily(
        architecture="HunYuanDenseV1ForCausalLM", attention=_NORMED_MHA, defaults=UNTIED | BIAS | MHA
    ),
    "arcee": ConfigFamily(
        architecture="ArceeForCausalLM",
        attention=BIASED_MHA,
        dense=_PLAIN_MLP,
        defaults=_LLAMA,
        fixed={"hidden_act": "relu2"},
    ),
    "apertus": _APERTUS,
    "exaone": ConfigFamily(
        architecture="ExaoneForCausalLM",
        attention=BIASED_MHA,
        dense=_BIASED_MLP,
        aliases={"num_layers": "num_hidden_layers", "activation_function": "hidden_act"},
        defaults=UNTIED | BIAS | _NO_MLP_BIAS,
    ),
    "ministral": ConfigFamily(
        architecture="MinistralForCausalLM",
        attention=Gqa(null_kv=True),
        kinds=listed_or_sliding,
        defaults=UNTIED | {"num_key_value_heads": 8, "sliding_window": 4096},
    ),
    "vaultgemma": ConfigFamily(
        architecture="VaultGemmaForCausalLM",
        attention=replace(BIASED, head_dim=256),
        dense=Dense(activation="hidden_activation"),
        kinds=listed(every(2, FULL, SLIDING)),
        defaults=TIED | BIAS | {"sliding_window": 4096},
    ),
    "jais2": ConfigFamily(
        architecture="Jais2ForCausalLM",
        attention=BIASED_MHA,
        dense=_PLAIN_MLP,
        norm="layernorm",
        defaults=UNTIED | MHA | {"attention_bias": True, "mlp_bias": True},
        fixed={"hidden_act": "relu2"},
    ),
    "iquestcoder": ConfigFamily(
        architecture="IQuestCoderForCausalLM",
        attention=replace(BIASED_MHA, head_dim=128),
        dense=_BIASED_MLP,
        defaults=UNTIED | BIAS | _NO_MLP_BIAS,
        only={"clip_qkv": None, "use_sliding_window": False},
    ),
    "hyperclovax": replace(
        _GRANITE,
        architecture="HyperCLOVAXForCausalLM",
        num_norms=Switched(field="use_post_norm", true=4, false=2),
        defaults=_LLAMA | {"use_post_norm": True},
    ),
    "cwm": ConfigFamily(
        architecture="CwmForCausalLM",
        attention=Gqa(null_kv=True, head_dim=128),
        dense=_BIASED_MLP,
        kinds=listed(starting(4, FULL, SLIDING)),
        defaults=UNTIED | _NO_MLP_BIAS | {"sliding_window": 8192},
    ),
}
"""By ``model_type``."""
