"""Decoders with encoders of images or sound beside them, whose fields are those of the decoder."""

from dataclasses import replace

from optimoe.arch.hf.ends.tables import MoreRows
from optimoe.arch.hf.families.classic.rotary import PLAIN, ROTARY
from optimoe.arch.hf.families.shared import MHA, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.layers import all_sliding
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.recurrent.convolution import HalvedDense

_OTHERS = {
    "vision_config": "its encoder of images",
    "audio_config": "its encoder of sound",
    "vision_lora": "its adapters of images",
    "speech_lora": "its adapters of sound",
}
_PHI = replace(
    ROTARY["phi3"],
    architecture="Phi4MultimodalForCausalLM",
    defaults=UNTIED | {"num_key_value_heads": 8, "sliding_window": None},
    uncounted=_OTHERS,
)

BESIDE: dict[str, ConfigFamily] = {
    "phi4_multimodal": _PHI,
    "phi4mm": replace(_PHI, architecture="Phi4MMForCausalLM", defaults=TIED | MHA | {"sliding_window": None}),
    "git": ConfigFamily(
        architecture="GitForCausalLM",
        attention=Gqa(kv_heads=(), head_field="", qkv_bias=True, output_bias=True),
        dense=PLAIN,
        norm="layernorm",
        positions="max_position_embeddings",
        unembedding_bias=True,
        defaults=UNTIED,
        uncounted=_OTHERS,
    ),
    "moshi": ConfigFamily(
        architecture="MoshiForCausalLM",
        attention=Gqa(null_kv=True),
        kinds=all_sliding,
        dense=HalvedDense(width="ffn_dim"),
        ends=MoreRows(rows=1),
        never_tied=True,
        defaults=UNTIED | MHA | {"sliding_window": 3000},
        uncounted={
            "depth_decoder_config": "its decoder of codebooks",
            "audio_encoder_config": "its encoder of sound",
        },
    ),
}
"""By ``model_type``."""
