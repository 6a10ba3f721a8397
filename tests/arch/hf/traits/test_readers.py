"""What fields say of a model's function."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.hf.families import FAMILIES
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.traits.families import TRAITS
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED
from optimoe.arch.spec import merged
from tests.arch.small_configs import small_config


def test_the_function_of_a_family_that_does_not_state_what_it_needs_is_unstated():
    undecided = ConfigFamily(architecture="X").traits
    assert set(TRAITS) <= set(FAMILIES)
    assert all((family.traits is undecided) == (name not in TRAITS) for name, family in FAMILIES.items())
    assert undecided[0]({}, find_model("gpt-3")) == (FUNCTION_UNSTATED,)


DBRX = small_config("dbrx")["ffn_config"]
EXAONE = {"norm_topk_prob": True, "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1}
SIGMOID = ("balanced_by_bias", "score=sigmoid")
ROPE = {"rope_theta": 1e4, "factor": 4.0}


@pytest.mark.parametrize(
    ("model_type", "fields", "traits"),
    [
        ("llama", {}, ()),
        ("llama", {"hidden_act": "silu", "rope_scaling": None, "rope_theta": 5e5, "rms_norm_eps": 1e-5}, ()),
        ("llama", {"hidden_act": "gelu_pytorch_tanh"}, ("activation=gelu_tanh",)),
        ("llama", {"rope_scaling": ROPE | {"type": "linear"}}, ("rope_scaling=linear-4",)),
        ("llama", {"rope_parameters": ROPE | {"rope_type": "dynamic"}}, ("rope_scaling=dynamic-4",)),
        ("llama", {"rope_parameters": ROPE, "rope_scaling": ROPE | {"type": "yarn"}}, ("rope_scaling=yarn-4",)),
        ("exaone_moe", EXAONE | {"layer_types": ["full_attention"] * 4}, (
            "balanced_by_bias", "layers_without_positions", "score=sigmoid",
        )),
        ("exaone_moe", EXAONE | {"layer_types": ["sliding_attention"] * 4}, SIGMOID),
        ("qwen3", {"rope_parameters": {"rope_type": "default"}}, ()),
        ("qwen3_moe", {}, ("norm_topk_prob=unstated",)),
        ("qwen3_moe", {"norm_topk_prob": False}, ("gates_sum_to_one=false",)),
        ("qwen3_moe", {"norm_topk_prob": True}, ()),
        ("mixtral", {"num_experts_per_tok": 1}, ("gates_sum_to_one=true",)),
        ("olmoe", {"norm_topk_prob": True, "clip_qkv": 8.0}, ("qkv_clipped",)),
        ("dbrx", {"ffn_config": {**DBRX, "moe_normalize_expert_weights": 2}}, ("gates_norm=2", "qkv_clipped")),
        ("dbrx", {"ffn_config": {**DBRX, "moe_normalize_expert_weights": None}}, (
            "gates_sum_to_one=false", "qkv_clipped",
        )),
        ("dbrx", {"attn_config": {"kv_n_heads": 2, "clip_qkv": None}}, ()),
        ("gpt_oss", {"swiglu_limit": 7.0}, ("activation=clamped_swiglu", "rope_scaling=yarn-32")),
        ("gpt_oss", {"rope_parameters": {"rope_theta": 1e4}}, ("activation=clamped_swiglu",)),
        ("minimax_m2", {"rotary_dim": 12}, ("balanced_by_bias", "partial_rotary=0.5", "score=sigmoid")),
        ("gemma3_text", {"query_pre_attn_scalar": 16}, (
            "activation=gelu_tanh", "attention_factor=0.25", "embedding_factor=8", "norms_from_one",
            "rope_of_layer_kinds",
        )),
        ("deepseek_v2", {"routed_scaling_factor": 16.0, "topk_method": "group_limited_greedy"}, (
            "gates_scaled=16", "gates_sum_to_one=false", "group_score=best", "groups=2/1",
        )),
        ("granitemoe", {"attention_multiplier": 0.25, "logits_scaling": 6.0}, ("logits_divisor=6",)),
    ],
)  # fmt: skip
def test_fields_that_change_the_function_are_traits_and_plain_numbers_are_none(model_type, fields, traits):
    assert from_config(small_config(model_type) | fields, "x").traits == traits


def test_traits_are_kept_by_what_is_made_of_a_model_and_compared_by_nothing():
    spec = from_config(small_config("gemma2"), "x")
    assert merged(spec).traits == spec.in_bf16.traits == replace(spec, num_positions=8).traits == spec.traits != ()
    assert spec == replace(spec, traits=())
    assert to_config(spec, "gemma2") == to_config(replace(spec, traits=()), "gemma2")
