"""Configurations of 2026 count what their makers state, in the formats that they were released in."""

import os
from pathlib import Path

import pytest

from optimoe.arch.hf import from_config, load_config, to_config
from optimoe.arch.memory import kv_bytes, kv_bytes_per_token, state_bytes
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config

DATA = Path(os.environ.get("OPTIMOE_DATA", "")) / "model_configs_2026" / "configs"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="OPTIMOE_DATA has no model_configs_2026")


@needs_data
@pytest.mark.parametrize(
    ("name", "total", "active_billion"),
    [
        ("zai-org--GLM-5.2-FP8", 743_377_000_704, 41.25),
        ("Qwen--Qwen3-VL-30B-A3B-Instruct", 30_532_122_624, 3.35),
        ("XiaomiMiMo--MiMo-V2-Flash", 308_778_768_832, 15.45),
        ("deepseek-ai--DeepSeek-V4-Flash", 284_332_230_231, 13.80),
        ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31_577_937_344, 3.58),
        ("nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8", 120_668_687_360, 12.77),
    ],
)
def test_totals_are_those_that_the_files_state(name, total, active_billion):
    params = count_params(load_config(DATA / f"{name}.json"))
    assert params.total == total
    assert params.active / 1e9 == pytest.approx(active_billion, abs=0.005)


@needs_data
def test_the_cache_of_v4_flash_grows_by_entries():
    """21 sparse layers add (512 + 128)/4 values a token, 20 heavy ones 512/128, windows of 128 nothing."""
    model = load_config(DATA / "deepseek-ai--DeepSeek-V4-Flash.json")
    assert kv_bytes_per_token(model) == 2 * (21 * 640 / 4 + 20 * 4)
    held = kv_bytes(model, 2**20) - state_bytes(model)
    assert held == 2 * (43 * 128 * 512 + 2**20 * (21 * 640 / 4 + 20 * 4))


@needs_data
def test_experts_of_v4_flash_are_in_four_bits_and_multiplied_in_eight():
    layer = load_config(DATA / "deepseek-ai--DeepSeek-V4-Flash.json").layers[-1].precisions
    assert (layer.attention, layer.routed_experts, layer.shared_experts) == ("fp8", "mxfp4", "fp8")
    assert layer.activations_of("routed_experts") == "fp8"
    assert layer.bytes_per_value("routed_experts") == (4 + 8 / 32) / 8


LONGCAT = {
    "model_type": "longcat_flash", "vocab_size": 131_072, "hidden_size": 6144, "num_layers": 28,
    "num_attention_heads": 64, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "v_head_dim": 128, "ffn_hidden_size": 12_288, "moe_topk": 12, "n_routed_experts": 512,
    "zero_expert_num": 256, "expert_ffn_hidden_size": 2048,
}  # fmt: skip


def test_experts_of_longcat_that_have_no_weights_are_not_counted_and_the_range_is_said():
    """Its maker states 560B, 18.6B to 31.3B active. `transformers` allots rows to choices without weights too."""
    model = from_config(LONGCAT, "longcat")
    params = count_params(model)
    assert round(params.total / 1e9) == 561
    most = params.active_nonembedding + (12 - 8) * 28 * 3 * 6144 * 2048
    least = params.active_nonembedding - 8 * 28 * 3 * 6144 * 2048
    assert (round(least / 1e9, 1), round(most / 1e9, 1)) == (17.9, 30.6)
    assert model.note.startswith("active parameters of a token are 19.5B to 32.2B, as 256 of 768 choices have no")
    assert count_params(from_config(LONGCAT | {"zero_expert_num": 0}, "longcat")).router == 28 * 512 * 6144


@needs_data
def test_step_3_7_counts_what_its_maker_rounds():
    params = count_params(load_config(DATA / "stepfun-ai--Step-3.7-Flash.json"))
    assert (round(params.total / 1e9), round(params.active / 1e9)) == (196, 11)


@needs_data
def test_nemotron_3_super_caches_in_8_of_88_layers_holds_states_in_40_and_routes_in_40():
    model = load_config(DATA / "nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8.json")
    assert model.num_layers == 88
    assert sum(layer.mixer.cache_values > 0 for layer in model.unrolled) == 8
    assert sum(layer.mixer.state_values > 0 for layer in model.unrolled) == 40
    assert sum(isinstance(layer.ffn, MoE) for layer in model.unrolled) == 40
    assert kv_bytes_per_token(model) == 2 * 8 * 2 * 2 * 128
    assert state_bytes(model) == 4 * 40 * (128 * 64 * 128 + (128 * 64 + 2 * 8 * 128) * 3)
    assert model.note == "without its layers of multi-token prediction"


@needs_data
def test_layers_of_mimo_with_a_window_have_heads_and_sinks_of_their_own():
    full, window = (group.mixer for group in load_config(DATA / "XiaomiMiMo--MiMo-V2-Flash.json").layers[:2])
    assert (full.num_kv_heads, full.sinks, full.head_dim, full.value_dim) == (4, False, 192, 128)
    assert (window.num_kv_heads, window.sinks, window.window_tokens) == (8, True, 128)
    assert full.cache_values == 4 * (192 + 128)


@needs_data
@pytest.mark.parametrize(
    ("name", "attention", "routed", "source"),
    [
        ("Qwen--Qwen3-235B-A22B-FP8", "fp8", "fp8", "quantization_config"),
        ("zai-org--GLM-5.2-FP8", "fp8", "fp8", "quantization_config"),
        ("XiaomiMiMo--MiMo-V2-Flash", "fp8", "fp8", "quantization_config"),
        ("Qwen--Qwen3.5-122B-A10B", "bf16", "bf16", ""),
    ],
)
def test_files_are_read_in_the_formats_that_they_state(name, attention, routed, source):
    model = load_config(DATA / f"{name}.json")
    layer = model.layers[-1].precisions
    assert (layer.attention, layer.routed_experts, model.precisions.source) == (attention, routed, source)
    assert not model.precisions.warning


@needs_data
@pytest.mark.parametrize("name", ["nvidia--Qwen3-235B-A22B-NVFP4", "nvidia--DeepSeek-V3.1-NVFP4"])
def test_a_name_that_says_nvfp4_without_formats_is_read_as_bf16_and_said(name):
    model = load_config(DATA / f"{name}.json")
    assert model.in_bf16 == model
    assert model.precisions.warning.startswith("the name says NVFP4, the file has no quantization_config")


def selecting(*types, **fields):
    config = small_config("glm_moe_dsa") | {"num_hidden_layers": len(types), "indexer_types": list(types)}
    return config | {"index_topk_freq": 4, "first_k_dense_replace": 1} | fields


def test_layers_that_share_a_selection_are_groups_without_an_indexer():
    model = from_config(selecting("full", "full", "shared", "shared", "full"), "glm")
    kinds = [(group.num_layers, group.mixer.indexer is None) for group in model.layers]
    assert kinds == [(1, False), (1, False), (2, True), (1, False)]
    assert model.layers[2].mixer.selected_tokens == model.layers[0].mixer.indexer.top_k
    assert from_config(to_config(model, "glm_moe_dsa"), "glm") == model


@pytest.mark.parametrize(
    "fields",
    [
        {"index_topk_pattern": "FFSSF"},
        {"index_topk_freq": 3, "index_skip_topk_offset": 2},
        {"index_topk_freq": 3},
    ],
)
def test_layers_share_a_selection_by_a_pattern_or_by_a_step_as_by_a_list(fields):
    listed = from_config(selecting("full", "full", "shared", "shared", "full"), "glm")
    assert from_config(selecting(*"FFSSF") | {"indexer_types": None} | fields, "glm") == listed


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (selecting("shared", "full"), "full in the first layer"),
        (selecting("full", "some"), "must be full or shared"),
        (selecting("full", indexer_types=None, index_topk_pattern="FS"), "1 letters"),
        (selecting("full", indexer_types=None, index_topk_pattern="S"), "full in the first layer"),
    ],
)
def test_a_list_of_selections_that_cannot_be_is_refused(config, words):
    with pytest.raises(ConfigError, match=words):
        from_config(config, "glm")


def test_a_model_that_also_sees_is_read_by_its_text_part():
    text = {**small_config("qwen3_moe"), "model_type": "qwen3_vl_moe_text"}
    text.pop("tie_word_embeddings", None)
    outer = {"model_type": "qwen3_vl_moe", "text_config": text, "tie_word_embeddings": False}
    alone = text | {"model_type": "qwen3_moe"}
    assert count_params(from_config(outer, "x")) == count_params(from_config(alone, "x"))
