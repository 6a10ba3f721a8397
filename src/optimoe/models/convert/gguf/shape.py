"""What a model is, as the fields of a GGUF file."""

from typing import Any

from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require
from optimoe.models.convert.gguf.families import EngineFamily
from optimoe.models.decoder import Decoder
from optimoe.models.routers import TopK

_GATING = {"softmax": 1, "sigmoid": 2}


def shape_fields(model: Decoder, family: EngineFamily, max_positions: int) -> dict[str, Any]:
    """The fields of a model that a family of Hugging Face checkpoints holds, below the architecture's word.

    Args:
        model: What to write.
        family: How llama.cpp computes it.
        max_positions: Longest sequence that is stated.

    Raises:
        ConfigError: llama.cpp would compute something else.
    """
    arch, config, where = model.arch, model.config, f"in a GGUF of {family.arch}"
    require(config.activation == "silu", "activation", f"silu {where}", config.activation)
    kind = config.rotary.scaling.kind
    require(kind == "none", "rotary: scaling", f"none {where}", kind)
    fields: dict[str, Any] = {
        "context_length": max_positions,
        "embedding_length": arch.d_model,
        "block_count": arch.num_layers,
        "vocab_size": arch.vocab_size,
        "attention.layer_norm_rms_epsilon": config.norm_eps,
        "rope.freq_base": config.rotary.theta,
    }
    fields |= _mixer_fields(model, family, where) | _feed_forward_fields(arch, family, where)
    for layer, router in model.routers.items():
        routed = _router_fields(router.config, router.top_k, family, where)
        same = routed.items() <= fields.items() or layer == min(model.routers)
        require(same, "layer_routers", f"left out {where}", f"another router of layer {layer}")
        fields |= routed
    return fields | _factor_fields(model, family)


def _mixer_fields(model: Decoder, family: EngineFamily, where: str) -> dict[str, Any]:
    mixers = {group.mixer for group in model.arch.layers}
    require(len(mixers) == 1, "attention", f"the same in every layer {where}", f"{len(mixers)} kinds")
    (mixer,) = mixers
    if isinstance(mixer, LatentAttention):
        require(mixer.q_lora_rank > 0, "q_lora_rank", f"above 0 {where}", mixer.q_lora_rank)
        return {
            "attention.head_count": mixer.num_heads,
            "attention.head_count_kv": 1,  # the latent is the one key of all heads
            "attention.key_length": mixer.kv_lora_rank + mixer.qk_rope_dim,
            "attention.value_length": mixer.kv_lora_rank,
            "attention.key_length_mla": mixer.qk_nope_dim + mixer.qk_rope_dim,
            "attention.value_length_mla": mixer.v_dim,
            "attention.kv_lora_rank": mixer.kv_lora_rank,
            "attention.q_lora_rank": mixer.q_lora_rank,
            "rope.dimension_count": mixer.qk_rope_dim,
        }
    assert isinstance(mixer, Attention)  # families of Hugging Face checkpoints have no other
    open_ended = mixer.window_tokens >= UNLIMITED_WINDOW
    require(open_ended, "window_tokens", f"left out {where}", mixer.window_tokens)
    alone = family.grouped or mixer.num_kv_heads == mixer.num_heads
    require(alone, "num_kv_heads", f"the {mixer.num_heads} of num_heads {where}", mixer.num_kv_heads)
    return {
        "attention.head_count": mixer.num_heads,
        "attention.head_count_kv": mixer.num_kv_heads,
        "attention.key_length": mixer.head_dim,
        "attention.value_length": mixer.head_dim,
        "rope.dimension_count": int(mixer.head_dim * model.config.rotary.share),
    }


def _feed_forward_fields(arch: ArchSpec, family: EngineFamily, where: str) -> dict[str, Any]:
    layers = [group.ffn for group in arch.unrolled]
    dense = [ffn for ffn in layers if isinstance(ffn, DenseFFN)]
    routed = [ffn for ffn in layers if isinstance(ffn, MoE)]
    leading = layers == dense + routed and len(set(dense)) <= 1 and len(set(routed)) <= 1
    fits = leading and (family.leading_dense or not dense or not routed)
    wanted = (
        "dense layers first and equal, then routed ones" if family.leading_dense else "all dense or all routed"
    )
    require(fits, "layers", f"{wanted} {where}", "another order")
    if not routed:
        return {"feed_forward_length": dense[0].d_ff}
    part = routed[0]
    fields = {
        "feed_forward_length": dense[0].d_ff if dense else part.d_expert,
        "leading_dense_block_count": len(dense),
        "expert_count": part.num_experts,
        "expert_used_count": part.top_k,
        "expert_feed_forward_length": part.d_expert,
    }
    if family.shared:
        num_shared = part.num_shared_experts or 1  # written as zeros where there is none
        fields["expert_shared_count"] = num_shared
        fields["expert_shared_feed_forward_length"] = num_shared * (part.d_shared or part.d_expert)
    return fields


def _router_fields(router: Any, top_k: int, family: EngineFamily, where: str) -> dict[str, Any]:
    assert isinstance(router, TopK)  # as above
    normalised = router.sums_gates(top_k)
    fits = family.normalised in (None, normalised)
    require(fits, "normalised", f"{str(family.normalised).lower()} {where}", str(normalised).lower())
    grouped = family.groups and router.group_score == "best_two"
    require(grouped or router.num_groups == 1, "num_groups", f"1 {where}", router.num_groups)
    groups = {"expert_group_count": router.num_groups, "expert_group_used_count": router.top_groups}
    return (groups if router.num_groups > 1 else {}) | {
        "expert_weights_norm": normalised,
        "expert_weights_scale": float(router.scale),
        "expert_gating_func": _GATING["sigmoid" if router.score == "sigmoid" else "softmax"],
    }


def _factor_fields(model: Decoder, family: EngineFamily) -> dict[str, Any]:
    """Granite's four; in other families they are 1."""
    if family.arch != "granitemoe":
        return {}
    factors, attention = model.config.multipliers, model.arch.attention
    own = factors.attention or getattr(attention, "head_dim", 1) ** -0.5
    return {
        "embedding_scale": factors.embedding,
        "residual_scale": factors.residual,
        "attention.scale": own,
        "logit_scale": factors.logits,
    }
