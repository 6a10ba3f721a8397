"""A type that is not known is refused by name, with the family that is meant; read as it only where asked."""

import json

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from tests.arch.small_configs import small_config

STATED = {"hidden_act": "silu", "rms_norm_eps": 1e-5, "attention_bias": False, "mlp_bias": False}
LLAMA = small_config("llama") | STATED
NOBODY = LLAMA | {"model_type": "nobody"}
MIXTRAL = small_config("mixtral") | {"model_type": "nobody"}


def refusal(config, **words):
    with pytest.raises(InputError) as error:
        from_config(config, "x", **words)
    line = str(error.value)
    assert "\n" not in line
    assert len(line) <= 200
    return line


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (NOBODY, "nearest: llama, by its fields; --as llama"),
        (MIXTRAL, "nearest: mixtral, by its fields"),
        (small_config("qwen3_moe") | {"model_type": "qwen9_moe"}, "nearest: qwen3_moe, by its fields and name"),
        (NOBODY | {"architectures": ["Qwen3ForCausalLM"]}, "nearest: qwen3, whose class Qwen3ForCausalLM"),
        ({"model_type": "nobody_vl", "text_config": small_config("qwen3")}, "its text_config is of type qwen3"),
        ({"model_type": "qwen9"}, "no known family finds its fields here; of the same house: qwen"),
        ({"model_type": "nobody"}, "no known family finds its fields here"),
    ],
)
def test_an_unknown_type_is_refused_with_the_family_that_is_meant(config, words):
    line = refusal(config)
    assert line.startswith(f"model_type: unknown name '{config['model_type']}'")
    assert words in line


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (LLAMA | {"model_type": "bert"}, "got bert, an encoder"),
        ({"model_type": "roberta"}, "got roberta, an encoder"),
        ({"model_type": "blt"}, "got blt, which has several stacks of layers"),
        ({"model_type": "qwen4_exp", "text_config": {}}, "got qwen4_exp_text, which has tables of n-grams"),
        ({"model_type": "t5"}, "got t5, an encoder–decoder"),
        ({"model_type": "bart"}, "got bart, an encoder–decoder"),
        ({"model_type": "whisper"}, "got whisper, an encoder–decoder"),
        (NOBODY | {"is_encoder_decoder": True}, "is_encoder_decoder: must be false, got true"),
        (NOBODY | {"architectures": ["NobodyForMaskedLM"]}, "architectures: must name a causal language model"),
    ],
)
def test_what_is_no_causal_language_model_is_refused_as_what_it_is(config, words):
    assert words in refusal(config)
    assert words in refusal(config, as_family="llama")


def test_an_unknown_type_is_read_as_a_known_one_where_that_is_asked_and_every_field_is_stated():
    spec = from_config(NOBODY, "x", as_family="llama")
    assert spec == from_config(LLAMA, "x")
    assert spec.note == "nobody read as llama, as asked"
    assert "function=unstated" in spec.traits  # what its own code does with these parts
    harmless = {"use_cache": True, "rope_theta": 1e4, "transformers_version": "5", "sliding_window": None}
    assert from_config(NOBODY | harmless, "x", as_family="llama") == spec


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_act": "relu2"}, "hidden_act: must be silu to read nobody as llama, got relu2"),
        ({"hidden_act": None}, "hidden_act: must be stated"),
        ({"mlp_type": "ungated"}, "mlp_type: not understood"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps: not understood"),
        ({"rms_norm_eps": None}, "rms_norm_eps: must be stated"),
        ({"tie_word_embeddings": None}, "tie_word_embeddings: must be stated"),
        ({"attention_bias": None, "mlp_bias": None}, "attention_bias, mlp_bias: must be stated"),
        ({"head_dim": None}, "head_dim: must be stated"),
        ({"kv_channels": 8}, "kv_channels: not understood"),
        ({"intermediate_size": [96, 96, 48, 96]}, "intermediate_size: must be a positive integer"),
        ({"n_routed_experts": 8}, "n_routed_experts: not understood"),
        ({"sliding_window": 16}, "sliding_window: not understood"),
        ({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, "a, b, c, d and 1 more: not understood"),
    ],
)
def test_what_is_not_stated_or_not_understood_is_never_assumed(changes, words):
    config = {name: value for name, value in (NOBODY | changes).items() if value is not None}
    assert words in refusal(config, as_family="llama")


def test_a_known_type_is_never_read_as_another():
    assert refusal(LLAMA, as_family="mistral") == "as: must be left out: llama is known, got mistral"
    assert refusal(NOBODY, as_family="lama").startswith("as: unknown name 'lama' (nearest: llama")


def test_a_table_inside_an_unknown_type_is_read_as_what_it_says_that_it_is():
    inside = {"model_type": "nobody_vl", "text_config": small_config("qwen3"), "vision_config": {}}
    spec = from_config(inside, "x", as_family="qwen3")
    assert spec == from_config(small_config("qwen3"), "x")
    assert spec.note == "the language model of nobody_vl alone, without vision_config"
    assert "as: must be qwen3, which text_config is, got llama" in refusal(inside, as_family="llama")
    text = small_config("qwen3") | {"tie_word_embeddings": True}
    differing = inside | {"text_config": text, "tie_word_embeddings": False}
    assert "tie_word_embeddings: must be one value" in refusal(differing, as_family="qwen3")


def test_a_file_of_an_unknown_type_is_found_as_the_family_that_is_asked(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(NOBODY))
    with pytest.raises(UnknownNameError, match="nearest: llama"):
        find_model(str(tmp_path))
    assert find_model(str(tmp_path), as_family="llama").in_bf16.layers == from_config(LLAMA, "x").layers
    with pytest.raises(ConfigError, match="hidden_act"):
        (tmp_path / "config.json").write_text(json.dumps(NOBODY | {"hidden_act": "gelu"}))
        find_model(str(tmp_path), as_family="llama")
