"""Routed decoders with windows or selected blocks in most layers and full attention in a few."""

from dataclasses import replace

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, EXPERTS, LOCAL, MHA, MTP, NORMED, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import (
    Dense,
    Routed,
    every_layer,
    leading_dense,
    leading_dense_layers,
    listed_or_all_but_first,
    listed_or_all_but_three,
    listed_or_every,
    listed_or_leading,
    listed_or_marked,
    marked_layers,
    marked_or_every,
    sparse_step,
)
from optimoe.arch.hf.fields import Config, Fields
from optimoe.arch.hf.layers import (
    BLOCKS,
    FULL,
    SLIDING,
    all_full,
    every,
    every_of,
    every_pattern,
    listed,
    marked,
    prefix_windows,
    starting,
)
from optimoe.arch.hf.mixers import BlockSparse, Gqa
from optimoe.arch.hf.recurrent.kinds import NamedKinds
from optimoe.core.errors import ConfigError

_GATED = replace(NORMED, head_dim=128, output_gate=True, gate_bias=False)
_MIMO = Gqa(qkv_bias="attention_bias", value_field="v_head_dim")


def _windows_of_mimo(config: Config) -> Config:
    """Layers with a window have the heads of the others and twice the key-value heads, where nothing is said."""
    kv_heads = config.get("num_key_value_heads")
    derived = {
        f"swa_{name}": config[name] for name in ("num_attention_heads", "head_dim", "v_head_dim") if name in config
    }
    return derived | ({"swa_num_key_value_heads": 2 * kv_heads} if type(kv_heads) is int else {})


_M3 = Gqa(qk_norm="head", head_dim=128)


def _blocks_of_m3(fields: Fields, num_layers: int) -> list[str]:
    """Layers that ``sparse_attention_config`` marks attend to selected blocks, the others to everything."""
    marks = fields.items("sparse_attention_config.sparse_attention_freq", int, num_layers)
    indexed = "sparse_attention_config.sparse_disable_index_value"
    if fields.has(indexed) and any(
        mark and not off for mark, off in zip(marks, fields.items(indexed, int, num_layers), strict=True)
    ):
        raise ConfigError(f"{indexed}: must be 1 in each block-sparse layer, whose index values are not described")
    return [BLOCKS if mark else FULL for mark in marks]


def _blocks_or_none(fields: Fields, num_layers: int) -> list[str]:
    """Without ``sparse_attention_config`` every layer attends to everything."""
    stated = fields.has("sparse_attention_config.sparse_attention_freq")
    return _blocks_of_m3(fields, num_layers) if stated else [FULL] * num_layers


_M3_KINDS = NamedKinds(
    words={"full_attention": FULL, "minimax_m3_sparse": BLOCKS}, otherwise=_blocks_or_none, fields=("layer_types",)
)
_MINIMAX_M3 = ConfigFamily(
    architecture="MiniMaxM3VLForCausalLM",
    attention=_M3,
    linear=BlockSparse(heads=_M3),
    kinds=_M3_KINDS,
    dense=Dense(width="dense_intermediate_size"),
    routed=Routed(
        experts=("num_local_experts", "num_experts"),
        width=("intermediate_size", "moe_intermediate_size"),
        shared_width="shared_intermediate_size",
    ),
    pattern=marked_or_every,
    defaults=UNTIED,
    only={"n_shared_experts": 1, "attention_output_gate": False, "use_qk_norm": True, "qk_norm_type": "per_head"},
)


def _two_and_last_full(fields: Fields, num_layers: int) -> list[str]:
    """The first two layers, each fourth from the second on and the last one attend to everything (Flint)."""
    return [FULL if layer in (0, num_layers - 1) or layer % 4 == 1 else SLIDING for layer in range(num_layers)]


def _sixth_and_last_full(fields: Fields, num_layers: int) -> list[str]:
    """Each sixth layer and the last one attend to everything (Beam)."""
    kinds = every(6, FULL, SLIDING)(fields, num_layers)
    return [*kinds[:-1], FULL]


WINDOWED: dict[str, ConfigFamily] = {
    "mimo_v2_flash": ConfigFamily(
        architecture="MiMoV2FlashForCausalLM",
        attention=replace(
            _MIMO,
            sinks="add_full_attention_sink_bias",
            sliding=replace(
                _MIMO,
                heads=("swa_num_attention_heads",),
                kv_heads=("swa_num_key_value_heads",),
                head_field="swa_head_dim",
                value_field="swa_v_head_dim",
                sinks="add_swa_attention_sink_bias",
            ),
        ),
        kinds=marked,
        routed=Routed(experts=("n_routed_experts", "num_local_experts")),
        pattern=marked_layers,
        derived=_windows_of_mimo,
        defaults=UNTIED | BIAS | {"add_full_attention_sink_bias": False, "add_swa_attention_sink_bias": True},
        only={"n_shared_experts": None},
    ),
    "exaone_moe": ConfigFamily(
        architecture="ExaoneMoEForCausalLM",
        attention=Gqa(qk_norm="head"),
        kinds=listed(every_pattern),
        routed=Routed(experts=EXPERTS, shared_count="num_shared_experts"),
        pattern=listed_or_leading,
        mtp=MTP,
        defaults=UNTIED | {MTP: 0, "sliding_window_pattern": 4, "sliding_window": 4096, "num_shared_experts": 1},
    ),
    "minimax_m3_vl_text": _MINIMAX_M3,
    "minimax_m3": replace(
        _MINIMAX_M3,
        architecture="MiniMaxM3ForCausalLM",
        pattern=listed_or_marked,
        kinds=replace(_M3_KINDS, otherwise=_blocks_of_m3),
    ),
    "step3p7": ConfigFamily(
        architecture="Step3p7FlashForCausalLM",
        kinds=listed(all_full),
        routed=Routed(experts=EXPERTS, shared_width="share_expert_dim"),
        pattern=leading_dense,
        mtp=MTP,
        defaults=UNTIED | {MTP: 0},
        only={"n_shared_experts": 1},
    ),
    "afmoe": ConfigFamily(
        architecture="AfmoeForCausalLM",
        attention=replace(_GATED, null_kv=True),
        kinds=listed(every_of("global_attn_every_n_layers")),
        routed=Routed(shared_count="num_shared_experts"),
        pattern=leading_dense_layers,
        num_norms=4,
        defaults=UNTIED | BIAS | MHA | {"global_attn_every_n_layers": 4},
    ),
    "laguna": ConfigFamily(
        architecture="LagunaForCausalLM",
        attention=replace(_GATED, gating="gating"),
        kinds=listed(all_full),
        routed=Routed(shared_width="shared_expert_intermediate_size"),
        pattern=listed_or_all_but_first,
        by_layer={"num_attention_heads_per_layer": "num_attention_heads"},
        defaults=UNTIED | BIAS | {"gating": True, "num_attention_heads_per_layer": None},
        only={"moe_apply_router_weight_on_input": False},
    ),
    "mellum": ConfigFamily(
        architecture="MellumForCausalLM",
        attention=replace(NORMED, head_dim=128),
        kinds=listed(all_full),
        routed=Routed(experts=EXPERTS),
        pattern=listed_or_every,
        mtp=MTP,
        aliases={"num_mtp_layers": MTP},
        defaults=UNTIED | BIAS | {MTP: 0},
    ),
    "cohere2_moe": ConfigFamily(
        architecture="Cohere2MoeForCausalLM",
        attention=replace(BIASED_MHA, head_dim=128),
        kinds=listed(prefix_windows),
        dense=Dense(width="prefix_dense_intermediate_size", otherwise="intermediate_size"),
        routed=Routed(width=("intermediate_size",), shared_count="num_shared_experts"),
        pattern=listed_or_leading,
        norm="layernorm_no_bias",
        num_norms=1,
        defaults=TIED
        | BIAS
        | MHA
        | {"first_k_dense_replace": 0, "num_shared_experts": 0, "prefix_dense_intermediate_size": None}
        | {"prefix_dense_sliding_window_pattern": 1, "sliding_window_pattern": 4},
    ),
    "kolibri1": ConfigFamily(
        architecture="Kolibri1ForCausalLM",
        attention=Gqa(qk_norm="head", head_dim=128),
        kinds=listed(every(5, FULL, SLIDING)),
        routed=Routed(experts=EXPERTS, shared_width="shared_expert_intermediate_size"),
        pattern=every_layer,
        num_norms=4,
        defaults=UNTIED,
    ),
    "flint": ConfigFamily(
        architecture="FlintForCausalLM",
        attention=replace(NORMED, head_dim=128, sinks=True),
        kinds=listed(_two_and_last_full),
        routed=Routed(shared_width="shared_expert_intermediate_size"),
        pattern=sparse_step,
        defaults=UNTIED | BIAS | {"decoder_sparse_step": 1, "mlp_only_layers": [0, 1]},
    ),
    "beam": ConfigFamily(
        architecture="BeamForCausalLM",
        attention=replace(_GATED, gate_head_bias=True),
        kinds=listed(_sixth_and_last_full),
        pattern=listed_or_all_but_three,
        routed=Routed(),
        num_norms=4,
        defaults=UNTIED | BIAS,
    ),
    "granitemoe_swa": ConfigFamily(
        architecture="GraniteMoeSWAForCausalLM",
        attention=replace(BIASED_MHA, sinks=True),
        kinds=listed(starting(4, FULL, SLIDING)),
        routed=replace(LOCAL, shared_width="shared_intermediate_size"),
        pattern=every_layer,
        defaults=UNTIED | BIAS | MHA | {"shared_intermediate_size": 0},
    ),
}
"""By ``model_type``."""
