"""Language models of wrappers that no model of text alone is: written, read back, and counted part by part."""

import pytest

from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import BASE, INDEXER, MLA

ERNIE = {
    "moe_num_experts": 6,
    "moe_k": 2,
    "moe_num_shared_experts": 2,
    "moe_intermediate_size": [40, 24],
    "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
}
MUSE = {"head_dim": 24, "sliding_window": 16}
STEP = {
    "head_dim": 24,
    "sliding_window": 16,
    "layer_types": [
        "full_attention",
        "sliding_attention",
        "sliding_attention",
        "full_attention",
        "full_attention",
    ],
    "num_nextn_predict_layers": 1,
    "attention_other_setting": {"num_attention_heads": 6},
    "moe_layers_enum": "1,2,3",
    "n_routed_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 40,
    "share_expert_dim": 24,
}
SPARK = {"num_local_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 40, "moe_hidden_size": 32}
LARGE = MLA | INDEXER
LARGE |= {"kv_source_layers": [0, 0, 2, 2], "indexer_types": ["full", "shared", "full", "full"]}
SMALL = {
    "mistral_large4_text": LARGE | {"attention_bias": True, "no_rope_layers": [1, 1, 0, 1]},
    "cosmos3_edge_text": {"head_dim": 24, "mlp_bias": True},
    "ernie4_5_vl_moe_text": ERNIE,
    "muse_glimmer_text": MUSE,
    "muse_spark_text": MUSE | SPARK,
    "step3p5": STEP,
}


def small(model_type, **fields):
    return {"model_type": model_type} | BASE | SMALL[model_type] | fields


@pytest.mark.parametrize("model_type", SMALL)
def test_what_is_read_is_written_and_read_back_equal(model_type):
    spec = from_config(small(model_type), "model")
    assert from_config(to_config(spec, model_type), "model") == spec


def test_experts_of_images_are_stored_and_never_taken_by_text():
    alone = {"model_type": "ernie4_5_moe", "moe_intermediate_size": 40, "moe_layer_interval": 1}
    alone |= {"moe_layer_start_index": 1, "moe_layer_end_index": 3}
    text = from_config(BASE | ERNIE | alone, "text")
    both = from_config(small("ernie4_5_vl_moe_text"), "both")
    one, other = count_params(text), count_params(both)
    assert other.routed_experts - one.routed_experts == 3 * 6 * 3 * 64 * 24
    assert other.router - one.router == 3 * 6 * 64
    assert other.routed_experts_active == one.routed_experts_active
    assert decode_flops(both, 10) == decode_flops(text, 10)


def test_a_layer_of_shared_latents_caches_the_keys_of_its_indexer_alone():
    layers = from_config(small("mistral_large4_text"), "x").unrolled
    assert [layer.mixer.cache_values for layer in layers] == [24 + 8 + 16, 0, 24 + 16, 16]
    assert [layer.mixer.read_values(8) for layer in layers] == [8 * 48, 8 * 32, 8 * 40, 8 * 48]


def test_older_files_of_step_pad_their_lists_and_state_heads_of_windows_apart():
    spec = from_config(small("step3p5"), "step")
    assert [layer.mixer.num_heads for layer in spec.unrolled] == [4, 6, 6, 4]
    assert spec.note == "without its layers of multi-token prediction"
    rows = {"per_layer_config": {"1": {"num_attention_heads": 2}}}
    assert [layer.mixer.num_heads for layer in from_config(small("step3p5", **rows), "x").unrolled] == [4, 2, 4, 4]


@pytest.mark.parametrize(
    ("model_type", "fields", "line"),
    [
        ("ernie4_5_vl_moe_text", {"moe_intermediate_size": [40]}, "a width for text and one for images"),
        ("mistral_large4_text", {"kv_source_layers": [0, 0, 1, 3]}, "kv_source_layers: must be layers that make"),
        ("step3p5", {"moe_layers_enum": "1,two"}, "moe_layers_enum: must be numbers of layers"),
        ("step3p5", {"per_layer_config": {"9": {}}}, "per_layer_config: must be rows of layers below 4"),
        ("step3p5", {"layer_types": ["full_attention"]}, "layer_types: must be 4 words, got 1"),
    ],
)
def test_fields_that_cannot_be_read_are_one_line(model_type, fields, line):
    with pytest.raises(ConfigError, match=line):
        from_config(small(model_type, **fields), "x")
