"""Decoders of state-space layers, alone, between layers that attend, or beside attention."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, LOCAL, MHA, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense, Routed, no_feed_forward, with_experts
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.recurrent.kinds import (
    MAMBA_OR_ATTENTION,
    ONE_PART,
    AllLinear,
    NamedKinds,
    NumberedAttention,
)
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
    "nemotron_h": ConfigFamily(
        architecture="NemotronHForCausalLM",
        attention=Gqa(null_kv=True, head_dim=128),
        linear=Mamba2Fields(
            heads="mamba_num_heads",
            head_dim="mamba_head_dim",
            groups="n_groups",
            state="ssm_state_size",
            conv="conv_kernel",
            expand="",
            conv_bias="use_conv_bias",
            in_bias="use_bias",
            out_bias="use_bias",
        ),
        kinds=ONE_PART,
        depth=ONE_PART.depth,
        dense=Dense(gated=False, activation="mlp_hidden_act"),
        routed=Routed(
            experts=("n_routed_experts",),
            shared_width="moe_shared_expert_intermediate_size",
            shared_needed=True,
            gated=False,
            latent="moe_latent_size",
        ),
        pattern=ONE_PART.routing,
        uncounted={"num_nextn_predict_layers": "its layers of multi-token prediction"},
        aliases={
            "layer_types": "layers_block_type",
            "num_local_experts": "n_routed_experts",
            "mamba_n_groups": "n_groups",
            "mamba_d_conv": "conv_kernel",
            "mamba_conv_bias": "use_conv_bias",
        },
        defaults=UNTIED,
        only=UNTIED | BIAS | {"mlp_bias": False, "n_shared_experts": 1},
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
