"""GPT-2 and those after it: plain feed-forwards, biases, positions that are learned or added to the scores."""

from dataclasses import replace

from optimoe.arch.hf.ends.tables import NarrowEmbedding
from optimoe.arch.hf.families.classic.rotary import PLAIN
from optimoe.arch.hf.families.classic.tables import FalconHeads, FalconNorms, MultiQuery
from optimoe.arch.hf.families.shared import TIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.layers import Switched, alternating
from optimoe.arch.hf.mixers import Gqa

_BIASED = Gqa(kv_heads=(), head_field="", qkv_bias=True, output_bias=True)
_NAMES = {"n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads"}
_GPT_2 = ConfigFamily(
    architecture="GPT2LMHeadModel",
    attention=_BIASED,
    dense=Dense(width="n_inner", times=4, gated=False, bias=True, activation="activation_function"),
    norm="layernorm",
    positions="max_position_embeddings",
    aliases=_NAMES | {"n_positions": "max_position_embeddings"},
    defaults=TIED | {"n_inner": None},
    only={"add_cross_attention": False},
)

GPT: dict[str, ConfigFamily] = {
    "gpt2": _GPT_2,
    "gpt-sw3": _GPT_2,
    "gpt_bigcode": replace(
        _GPT_2,
        architecture="GPTBigCodeForCausalLM",
        attention=MultiQuery(kv_heads=(), head_field="", qkv_bias=True, output_bias=True),
    ),
    "gpt_neo": ConfigFamily(
        architecture="GPTNeoForCausalLM",
        attention=replace(_BIASED, qkv_bias=False),
        kinds=alternating,
        dense=replace(PLAIN, times=4, activation="activation_function"),
        norm="layernorm",
        positions="max_position_embeddings",
        aliases={
            "num_layers": "num_hidden_layers",
            "num_heads": "num_attention_heads",
            "window_size": "sliding_window",
        },
        defaults=TIED | {"intermediate_size": None},
    ),
    "opt": ConfigFamily(
        architecture="OPTForCausalLM",
        attention=replace(_BIASED, qkv_bias="enable_bias", output_bias="enable_bias"),
        dense=Dense(width="ffn_dim", gated=False, bias="enable_bias", activation="activation_function"),
        norm="layernorm",
        num_end_norms=Switched(field="do_layer_norm_before", true=1, false=0),
        positions="max_position_embeddings",
        extra_positions=2,
        ends=NarrowEmbedding(width="word_embed_proj_dim"),
        defaults=TIED | {"enable_bias": True},
        only={"_remove_final_layer_norm": False, "layer_norm_elementwise_affine": True},
    ),
    "bloom": ConfigFamily(
        architecture="BloomForCausalLM",
        attention=_BIASED,
        dense=Dense(width="", times=4, gated=False, bias=True, activation=""),
        norm="layernorm",
        num_end_norms=2,
        aliases={
            "n_embed": "hidden_size",
            "n_layer": "num_hidden_layers",
            "n_head": "num_attention_heads",
        },
        defaults=TIED,
    ),
    "mpt": ConfigFamily(
        architecture="MptForCausalLM",
        attention=Gqa(kv_heads=(), head_field=""),
        dense=Dense(width="", times=4, gated=False, activation=""),
        norm="layernorm_no_bias",
        aliases={"n_layers": "num_hidden_layers", "d_model": "hidden_size", "n_heads": "num_attention_heads"},
        defaults=TIED,
        only={
            "attn_config.alibi": True,
            "attn_config.attn_type": "multihead_attention",
            "attn_config.qk_ln": False,
            "expansion_ratio": 4,
            "no_bias": True,
        },
    ),
    "falcon": ConfigFamily(
        architecture="FalconForCausalLM",
        attention=FalconHeads(kv_heads=(), head_field="", qkv_bias="bias", output_bias="bias"),
        dense=Dense(width="ffn_hidden_size", times=4, gated=False, bias="bias", activation="activation"),
        norm="layernorm",
        num_norms=FalconNorms(),
        aliases={"n_embed": "hidden_size"},
        defaults=TIED | {"num_kv_heads": None, "num_ln_in_parallel_attn": None, "ffn_hidden_size": None},
    ),
    "biogpt": ConfigFamily(
        architecture="BioGptForCausalLM",
        attention=_BIASED,
        dense=PLAIN,
        norm="layernorm",
        positions="max_position_embeddings",
        extra_positions=2,
        defaults=TIED,
    ),
    "xglm": ConfigFamily(
        architecture="XGLMForCausalLM",
        attention=_BIASED,
        dense=Dense(width="ffn_dim", gated=False, bias=True, activation="activation_function"),
        norm="layernorm",
        aliases={
            "d_model": "hidden_size",
            "num_layers": "num_hidden_layers",
            "attention_heads": "num_attention_heads",
        },
        defaults=TIED,
        only={"add_cross_attention": False},
    ),
    "openai-gpt": replace(
        _GPT_2,
        architecture="OpenAIGPTLMHeadModel",
        dense=Dense(width="", times=4, gated=False, bias=True, activation=""),
        num_end_norms=0,
        only={},
    ),
    "ctrl": ConfigFamily(
        architecture="CTRLLMHeadModel",
        attention=_BIASED,
        dense=Dense(width="dff", gated=False, bias=True, activation=""),
        norm="layernorm",
        unembedding_bias=True,
        aliases=_NAMES,
        defaults=TIED,
    ),
}
"""By ``model_type``."""
