"""What routed families say beyond their number of parameters: windows, gates, heads and experts by layer."""

import json

import pytest

from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config


def test_layers_with_a_window_have_twice_the_key_value_heads_of_mimo_unless_a_field_says_otherwise():
    config = small_config("mimo_v2_flash")
    heads = [group.mixer.num_kv_heads for group in from_config(config, "x").layers]
    assert heads == [2, 4, 2]
    stated = config | {"swa_num_key_value_heads": 1, "hybrid_layer_pattern": [0, 1, 1, 0]}
    assert [group.mixer.num_kv_heads for group in from_config(stated, "x").layers] == [2, 1, 2]
    with pytest.raises(ConfigError, match="layer_types: must say what hybrid_layer_pattern says"):
        from_config(config | {"hybrid_layer_pattern": [1, 1, 1, 0]}, "x")


def test_laguna_has_as_many_heads_and_gates_in_a_layer_as_its_list_says():
    config = small_config("laguna")
    arch = from_config(config, "x")
    assert [mixer.num_heads for mixer in (layer.mixer for layer in arch.unrolled)] == [4, 6, 6, 2]
    assert all(layer.mixer.gate_values == layer.mixer.num_heads * 24 for layer in arch.unrolled)
    by_head = from_config(config | {"gating": True}, "x")
    assert [layer.mixer.gate_values for layer in by_head.unrolled] == [4, 6, 6, 2]
    with pytest.raises(ConfigError, match="num_attention_heads_per_layer: must have one entry"):
        from_config(config | {"num_attention_heads_per_layer": [4, 6]}, "x")


def test_hunyuan_takes_as_many_experts_in_a_layer_as_its_list_says():
    config = small_config("hunyuan_v1_moe")
    arch = from_config(config, "x")
    assert [layer.ffn.top_k for layer in arch.unrolled] == [1, 2, 2, 3]
    expert = 3 * 64 * 96
    params = count_params(arch)
    assert params.total - params.active == expert * sum(6 - k for k in (1, 2, 2, 3))
    lists = {"num_shared_expert": [1] * 4, "moe_intermediate_size": [96] * 4}
    assert from_config(config | lists, "x") == arch
    for changed in ({"num_shared_expert": [1, 1, 2, 1]}, {"moe_intermediate_size": [96, 96, 48, 96]}):
        with pytest.raises(ConfigError, match=next(iter(changed))):
            from_config(config | changed, "x")


@pytest.mark.parametrize(
    ("model_type", "field", "value"),
    [
        ("aria_text", "mlp_bias", True),
        ("hy_v3", "mlp_bias", True),
        ("hy_v3", "num_shared_experts", 0),
        ("hunyuan_v1_moe", "use_cla", True),
        ("laguna", "moe_apply_router_weight_on_input", True),
        ("bailing_moe", "use_bias", True),
        ("bailing_moe_v2", "moe_shared_expert_intermediate_size", 80),
    ],
)
def test_a_part_that_is_not_described_is_refused_by_its_field(model_type, field, value):
    with pytest.raises(ConfigError, match=field):
        from_config(small_config(model_type) | {field: value}, "x")


def test_ling_mini_counts_as_its_own_code_builds_it():
    """Ling-mini-2.0 by hand: 20 layers of width 2048, the first dense, 256 experts of 512 and a shared one."""
    config = {
        "model_type": "bailing_moe_v2",
        "vocab_size": 157_184,
        "hidden_size": 2048,
        "intermediate_size": 5120,
        "num_hidden_layers": 20,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "use_qk_norm": True,
        "num_experts": 256,
        "num_shared_experts": 1,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 512,
        "first_k_dense_replace": 1,
    }
    attention = 2048 * 128 * (2 * 16 + 2 * 4) + 2 * 128
    routed = 2048 * 256 + 3 * 2048 * 512 * 257
    layers = 20 * (attention + 2 * 2048) + 3 * 2048 * 5120 + 19 * routed
    arch = from_config(json.loads(json.dumps(config)), "x")
    assert count_params(arch).total == layers + 2048 + 2 * 157_184 * 2048
    assert from_config(to_config(arch, "bailing_moe_v2"), "x") == arch


@pytest.mark.parametrize("model_type", ["deepseek_v4", "hy_v4", "nemotron_h", "inkling_text"])
def test_layers_that_predict_later_tokens_and_are_not_counted_are_told(model_type):
    field = "num_mtp_layers" if model_type == "inkling_text" else "num_nextn_predict_layers"
    config = small_config(model_type)
    alone, predicting = from_config(config, "x"), from_config(config | {field: 1}, "x")
    assert alone == predicting
    assert (alone.note, predicting.note) == ("", "without its layers of multi-token prediction")
