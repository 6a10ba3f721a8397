"""Decoders with linear attention, or Mamba, between layers that attend."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import ALIASED, BIAS, EXPERTS, QWEN_SHARED, SPARSE_STEP, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Routed, every_layer, expert_period, sparse_step
from optimoe.arch.hf.layers import FULL, LINEAR, attention_period, every, every_interval, listed
from optimoe.arch.hf.mixers import DeltaNet, Gqa, JambaMamba, Lightning

_GATED = Gqa(
    qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head", output_gate=True, head_dim=256
)
_QWEN35 = ConfigFamily(
    architecture="Qwen3_5ForCausalLM",
    attention=_GATED,
    linear=DeltaNet(),
    kinds=listed(every_interval),
    mtp="mtp_num_hidden_layers",
    defaults=UNTIED | BIAS | {"full_attention_interval": 4, "mtp_num_hidden_layers": 0},
)

LINEAR_ATTENTION: dict[str, ConfigFamily] = {
    "qwen3_next": ConfigFamily(
        architecture="Qwen3NextForCausalLM",
        attention=_GATED,
        linear=DeltaNet(),
        kinds=listed(every_interval),
        routed=QWEN_SHARED,
        pattern=sparse_step,
        defaults=UNTIED | BIAS | SPARSE_STEP | {"full_attention_interval": 4},
    ),
    "qwen3_5_moe_text": replace(
        _QWEN35, architecture="Qwen3_5MoeForCausalLM", routed=QWEN_SHARED, pattern=every_layer
    ),
    "qwen3_5_text": _QWEN35,
    "jamba": ConfigFamily(
        architecture="JambaForCausalLM",
        linear=JambaMamba(),
        kinds=attention_period,
        routed=Routed(experts=EXPERTS, width=("intermediate_size",)),
        pattern=expert_period,
        defaults=UNTIED | {"mamba_conv_bias": True, "mamba_proj_bias": False},
    ),
    "minimax": ConfigFamily(
        architecture="MiniMaxForCausalLM",
        linear=Lightning(),
        kinds=listed(every(2, LINEAR, FULL)),
        routed=ALIASED,
        pattern=every_layer,
        defaults=UNTIED,
    ),
}
"""By ``model_type``."""
