"""Decoders of state-space layers, alone, between layers that attend, or beside attention."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, LOCAL, MHA, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense, no_feed_forward, with_experts
from optimoe.arch.hf.recurrent.kinds import MAMBA_OR_ATTENTION, AllLinear, NamedKinds, NumberedAttention
from optimoe.arch.hf.recurrent.state_space import Mamba2Fields, MambaFields, SideBySide

_MAMBA = ConfigFamily(
    architecture="MambaForCausalLM",
    linear=MambaFields(),
    kinds=AllLinear(),
    pattern=no_feed_forward,
    defaults=TIED,
)
_AUTOMATIC = {"mamba_d_head": "auto"}
_HEADS_SHARED = UNTIED | BIAS | MHA | _AUTOMATIC

STATE_SPACE: dict[str, ConfigFamily] = {
    "mamba": _MAMBA,
    "falcon_mamba": replace(_MAMBA, architecture="FalconMambaForCausalLM"),
    "mamba2": ConfigFamily(
        architecture="Mamba2ForCausalLM",
        linear=Mamba2Fields(
            heads="num_heads",
            head_dim="head_dim",
            groups="n_groups",
            state="state_size",
            conv="conv_kernel",
            expand="expand",
            conv_bias="use_conv_bias",
            in_bias="use_bias",
            out_bias="use_bias",
        ),
        kinds=AllLinear(),
        pattern=no_feed_forward,
        defaults=UNTIED,
    ),
    "granitemoehybrid": ConfigFamily(
        architecture="GraniteMoeHybridForCausalLM",
        attention=BIASED_MHA,
        linear=Mamba2Fields(),
        kinds=NamedKinds(words=MAMBA_OR_ATTENTION, otherwise=AllLinear()),
        dense=Dense(width="shared_intermediate_size"),
        routed=replace(LOCAL, shared_width="shared_intermediate_size"),
        pattern=with_experts,
        defaults=_HEADS_SHARED,
    ),
    "bamba": ConfigFamily(
        architecture="BambaForCausalLM",
        attention=BIASED_MHA,
        linear=Mamba2Fields(),
        kinds=NumberedAttention(field="attn_layer_indices"),
        dense=Dense(bias="mlp_bias"),
        defaults=UNTIED | BIAS | _AUTOMATIC | {"mlp_bias": False},
    ),
    "falcon_h1": ConfigFamily(
        architecture="FalconH1ForCausalLM",
        attention=SideBySide(
            attention=BIASED_MHA,
            state_space=Mamba2Fields(inner="mamba_d_ssm", out_bias="projectors_bias", gated_norm="mamba_rms_norm"),
        ),
        dense=Dense(bias="mlp_bias"),
        defaults=UNTIED | BIAS | _AUTOMATIC | {"mlp_bias": False, "projectors_bias": False},
    ),
}
"""By ``model_type``."""
