"""Decoders with linear attention, or Mamba, between layers that attend."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import (
    ALIASED,
    BIAS,
    BIASED_MHA,
    DEEPSEEK,
    EXPERTS,
    MHA,
    MTP,
    QWEN_SHARED,
    SPARSE_STEP,
    UNTIED,
)
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Routed, every_layer, expert_period, listed_or_leading, sparse_step
from optimoe.arch.hf.layers import FULL, LINEAR, attention_period, every, every_interval, listed
from optimoe.arch.hf.mixers import DeltaNet, Gqa, JambaMamba, Lightning, Mla
from optimoe.arch.hf.recurrent.delta import KimiDeltaFields, SharedDeltaNet
from optimoe.arch.hf.recurrent.kinds import (
    LINEAR_OR_FULL,
    NamedKinds,
    every_of_group,
    fourth_or_last,
    numbered_from_one,
)

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

_KIMI = ConfigFamily(
    architecture="KimiLinearForCausalLM",
    attention=Mla(),
    linear=KimiDeltaFields(
        heads=("linear_attn_config.num_heads", "linear_num_heads"),
        head_dim=("linear_attn_config.head_dim", "linear_head_dim"),
        conv=("linear_attn_config.short_conv_kernel_size", "linear_conv_kernel_dim"),
        ranked=True,
    ),
    kinds=NamedKinds(words=LINEAR_OR_FULL, otherwise=numbered_from_one, fields=("layer_types",)),
    routed=replace(DEEPSEEK, experts=EXPERTS),
    pattern=listed_or_leading,
    aliases={"num_experts_per_token": "num_experts_per_tok", "num_shared_experts": "n_shared_experts"},
    defaults=UNTIED | BIAS | {"q_lora_rank": None, "first_k_dense_replace": 1},
    only=UNTIED | {"moe_layer_freq": 1},
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
    "olmo_hybrid": ConfigFamily(
        architecture="OlmoHybridForCausalLM",
        attention=replace(BIASED_MHA, qk_norm="full"),
        linear=SharedDeltaNet(),
        kinds=NamedKinds(words=LINEAR_OR_FULL, otherwise=fourth_or_last, fields=("layer_types",)),
        defaults=UNTIED | BIAS | MHA | {"linear_conv_kernel_dim": 4},
    ),
    "kimi_linear": _KIMI,
    "bailing_hybrid": replace(
        _KIMI,
        architecture="BailingHybridForCausalLM",
        attention=Mla(output_gate=True, gate_by_head=True),
        linear=KimiDeltaFields(
            heads=("linear_num_heads", "num_attention_heads"),
            head_dim=("linear_head_dim", "head_dim"),
            conv=("linear_conv_kernel_dim", "short_conv_kernel_size"),
            ranked=False,
        ),
        kinds=NamedKinds(words=LINEAR_OR_FULL, otherwise=every_of_group, fields=("layer_types",)),
        mtp=MTP,
        aliases=_KIMI.aliases | {"num_mtp_layers": MTP},
        defaults=UNTIED | BIAS | {"q_lora_rank": None, MTP: 0},
    ),
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
