"""Decoders of today that have a mixer, a norm or an arrangement of their own."""

from dataclasses import replace
from typing import Any

from optimoe.arch.hf.families.dense_today import DENSE_TODAY
from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, EXPERTS, MHA, NORMED, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense, Routed, every_layer
from optimoe.arch.hf.fields import Config, Fields
from optimoe.arch.hf.layers import FULL, LINEAR, SLIDING, all_full, listed
from optimoe.arch.hf.mixers import DeltaNet, Mla

_LARA = (LINEAR, SLIDING, LINEAR, FULL, SLIDING)


def _in_fives(fields: Fields, num_layers: int) -> list[str]:
    """Of five layers two are linear, two have a window, and one attends to everything (Lara mini)."""
    return [_LARA[layer % len(_LARA)] for layer in range(num_layers)]


def _even_values(config: Config) -> dict[str, Any]:
    """Values are as wide as a head's even share of the residual where no width is stated (MiniCPM3)."""
    width, heads = config.get("hidden_size"), config.get("num_attention_heads")
    if isinstance(width, int) and isinstance(heads, int) and heads > 0:
        return {"v_head_dim": width // heads}
    return {}


DENSE_APART: dict[str, ConfigFamily] = {
    "apertus1p5_text": replace(
        DENSE_TODAY["apertus"], architecture="Apertus1p5TextForCausalLM", only={"output_vocab_size": None}
    ),
    "nanochat": ConfigFamily(
        architecture="NanoChatForCausalLM",
        attention=BIASED_MHA,
        dense=Dense(gated=False),
        norm="layernorm_no_weight",
        defaults=UNTIED | BIAS | MHA,
        fixed={"hidden_act": "relu2"},
    ),
    "cohere_compass_text": ConfigFamily(
        architecture="CohereCompassForCausalLM",
        attention=replace(BIASED_MHA, fixed_head_dim=True),
        kinds=listed(all_full),
        norm="layernorm_no_bias",
        num_norms=1,
        defaults=TIED | BIAS | MHA | {"sliding_window": 4096},
        fixed={"rope_parameters": {kind: {"rope_type": "default", "rope_theta": 1e4} for kind in (FULL, SLIDING)}},
    ),
    "youtu": ConfigFamily(
        architecture="YoutuForCausalLM",
        attention=Mla(),
        defaults=TIED | BIAS,
    ),
    "minicpm3": ConfigFamily(
        architecture="MiniCPM3ForCausalLM",
        attention=Mla(),
        dense=Dense(bias="mlp_bias"),
        derived=_even_values,
        defaults=TIED | BIAS | {"mlp_bias": False},
    ),
    "lara_mini": ConfigFamily(
        architecture="LaraMiniForCausalLM",
        attention=replace(NORMED, head_dim=128),
        linear=DeltaNet(),
        kinds=listed(_in_fives),
        routed=Routed(experts=EXPERTS, shared_width="shared_expert_intermediate_size"),
        pattern=every_layer,
        defaults=TIED | BIAS | {"sliding_window": 512},
    ),
}
"""By ``model_type``."""
