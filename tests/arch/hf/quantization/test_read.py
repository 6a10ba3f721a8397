"""What a checkpoint states of its formats becomes precisions of layers, or a line that says why not."""

from dataclasses import replace

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.hf.quantization import quantised, without_config
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config

FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}


@pytest.fixture
def qwen():
    return from_config(small_config("qwen3_moe") | {"mlp_only_layers": []}, "qwen")


def test_a_configuration_is_read_with_its_formats_and_its_shape_is_the_plain_one(qwen):
    config = small_config("qwen3_moe") | {"mlp_only_layers": []}
    model = from_config(config | {"quantization_config": FP8}, "qwen")
    assert model == quantised(qwen, FP8, "quantization_config")
    assert model != qwen
    assert model.in_bf16 == qwen
    assert model.layers[0].precisions.routed_experts == "fp8"
    assert model.layers[0].precisions.activations == "fp8"
    assert model.layers[0].precisions.router == "bf16"


def test_a_matrix_that_is_excepted_is_a_plain_share_of_its_part(qwen):
    model = quantised(qwen, FP8 | {"modules_to_not_convert": ["o_proj"]}, "here")
    attention = qwen.layers[0].mixer
    share = attention.head_dim * attention.num_heads * qwen.d_model / attention.params(qwen.d_model)
    assert dict(model.layers[0].precisions.plain) == {"attention": pytest.approx(share)}


def test_layers_that_are_excepted_are_groups_of_their_own(qwen):
    model = quantised(qwen, FP8 | {"modules_to_not_convert": ["model.layers.1.mlp.experts"]}, "here")
    assert [group.num_layers for group in model.layers] == [1, 1, 2]
    assert [group.precisions.routed_experts for group in model.layers] == ["fp8", "bf16", "fp8"]


def test_products_of_one_layer_may_take_different_activations(qwen):
    groups = {
        "a": {
            "targets": ["re:.*self_attn.*"],
            "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
            "input_activations": {"num_bits": 8, "type": "float"},
        },
        "b": {
            "targets": ["Linear"],
            "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32},
            "input_activations": None,
        },
    }
    config = {"quant_method": "compressed-tensors", "config_groups": groups, "ignore": ["lm_head"]}
    layer = quantised(qwen, config, "here").layers[0].precisions
    assert (layer.attention, layer.routed_experts) == ("fp8", "int4")
    assert (layer.activations_of("attention"), layer.activations_of("routed_experts")) == ("fp8", "bf16")


@pytest.mark.parametrize(
    ("scheme", "cache"),
    [
        ({"num_bits": 8, "type": "float"}, "fp8"),
        ("FP8", "fp8"),
        (None, ""),
        ({"num_bits": 4, "type": "float"}, "nvfp4"),
    ],
)
def test_the_cache_that_a_checkpoint_asks_for_is_read(qwen, scheme, cache):
    config = {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": scheme}
    assert quantised(qwen, config, "here").precisions.kv_cache == cache


def test_a_method_that_is_not_known_is_named_and_read_as_bf16(qwen):
    model = quantised(qwen, {"quant_method": "aqlm"}, "quantization_config")
    assert model == qwen
    assert "aqlm" in model.precisions.warning


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Qwen3-235B-A22B-NVFP4", "NVFP4"),
        ("DeepSeek-R1-0528-NVFP4-v2", "NVFP4"),
        ("Qwen3-32B-AWQ", "AWQ"),
        ("Llama-3.3-70B-Instruct-quantized.w4a16", "W4A16"),
        ("Qwen3-32B", ""),
        ("nomofp8model", ""),
    ],
)
def test_a_name_that_says_quantised_warns_where_the_file_does_not(qwen, name, said):
    model = without_config(replace(qwen, name=name))
    assert model.precisions.warning.startswith(f"the name says {said}, ") if said else not model.precisions.warning


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (FP8 | {"weight_block_size": [128]}, "a block must be two positive"),
        (FP8 | {"modules_to_not_convert": "lm_head"}, "modules_to_not_convert must be a list"),
        (FP8 | {"modules_to_not_convert": [3]}, "must list names"),
        ({"quant_method": "gptq", "bits": 3}, "bits must be 4 or 8, got 3"),
        ({"quant_method": "gptq", "bits": "four"}, "bits must be a whole number"),
        ({"quant_method": "modelopt", "quant_algo": "W2A2"}, "quant_algo must be one of"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": 3}}, "a must be an object"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 2}}}}, "got int2"),
        ({"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": "FP3"}, "cache's format"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp6"}}}, "dtype must be one of"),
    ],
)
def test_a_field_out_of_limits_is_named(qwen, config, words):
    with pytest.raises(ConfigError, match=words):
        quantised(qwen, config, "here")


def test_tied_embeddings_have_no_head_to_quantise(qwen):
    groups = {"a": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}}
    config = {"quant_method": "compressed-tensors", "config_groups": groups}
    assert quantised(qwen, config, "here").precisions.unembedding == "fp8"
    assert quantised(replace(qwen, tied_embeddings=True), config, "here").precisions.unembedding == "bf16"
