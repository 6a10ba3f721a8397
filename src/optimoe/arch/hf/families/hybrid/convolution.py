"""Decoders of short convolutions or gated recurrences between layers that attend."""

from optimoe.arch.hf.families.shared import BIAS, EXPERTS, MHA, TIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Routed, leading_dense_layers
from optimoe.arch.hf.layers import FULL, LINEAR, SLIDING, Switched
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.recurrent.convolution import (
    AdjustedDense,
    ConvolutionFields,
    GatedRecurrenceFields,
    HalvedDense,
)
from optimoe.arch.hf.recurrent.kinds import NamedKinds, RepeatedBlocks, alternating, numbered_or_full, stated_only

_WORDS = {"conv": LINEAR, "full_attention": FULL}
_TIED = {"tie_embedding": "tie_word_embeddings"}

CONVOLUTION: dict[str, ConfigFamily] = {
    "lfm2": ConfigFamily(
        architecture="Lfm2ForCausalLM",
        attention=Gqa(qk_norm="head"),
        linear=ConvolutionFields(),
        kinds=NamedKinds(words=_WORDS, otherwise=numbered_or_full, fields=("layer_types",)),
        dense=AdjustedDense(),
        aliases=_TIED,
        defaults=TIED | {"block_ffn_dim_multiplier": 1.0},
    ),
    "lfm2_moe": ConfigFamily(
        architecture="Lfm2MoeForCausalLM",
        attention=Gqa(qk_norm="head"),
        linear=ConvolutionFields(),
        kinds=NamedKinds(words=_WORDS, otherwise=stated_only, fields=("layer_types",)),
        routed=Routed(experts=EXPERTS),
        pattern=leading_dense_layers,
        aliases=_TIED,
        defaults=TIED,
    ),
    "lfm3": ConfigFamily(
        architecture="Lfm3ForCausalLM",
        attention=Gqa(
            qkv_bias="attention_bias",
            output_bias="attention_bias",
            qk_norm="head",
            output_gate="use_attention_gate",
            gate_by_head=True,
            gate_bias=False,
            head_dim=128,
        ),
        linear=ConvolutionFields(),
        kinds=NamedKinds(words={**_WORDS, SLIDING: SLIDING}, otherwise=alternating, fields=("layer_types",)),
        num_norms=Switched(field="use_sandwich_norm", true=4, false=2),
        aliases=_TIED,
        defaults=TIED | BIAS,
    ),
    "recurrent_gemma": ConfigFamily(
        architecture="RecurrentGemmaForCausalLM",
        attention=Gqa(qkv_bias="attention_bias", output_bias=True, null_kv=True),
        linear=GatedRecurrenceFields(),
        kinds=RepeatedBlocks(),
        dense=HalvedDense(bias=True),
        aliases={"attention_window_size": "sliding_window"},
        defaults=TIED | BIAS | MHA,
    ),
}
"""By ``model_type``."""
