"""Which layers are recurrent: lists that disagree, are too long or name something else are refused."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.memory import kv_bytes_per_token
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config


def recurrent(config):
    """Whether each layer is recurrent."""
    return [layer.mixer.recurrent for layer in from_config(config, "x").unrolled]


def kimi(**lists):
    config = small_config("kimi_linear")
    del config["layer_types"]
    return config | {"linear_attn_config": config["linear_attn_config"] | lists}


def test_kimi_numbers_its_layers_from_one():
    lists = {"full_attn_layers": [4], "kda_layers": [1, 2, 3]}
    assert recurrent(kimi(**lists)) == [True, True, True, False]


def test_without_lists_every_fourth_layer_of_kimi_but_the_first_attends():
    assert recurrent(kimi() | {"num_hidden_layers": 9}) == [layer not in (4, 8) for layer in range(9)]


@pytest.mark.parametrize("lists", [([4], [1, 2]), ([4, 5], [1, 2, 3]), ([3, 4], [1, 2, 3])])
def test_layers_of_kimi_in_no_list_or_in_both_are_refused(lists):
    with pytest.raises(ConfigError, match="each of 4 once"):
        from_config(kimi(full_attn_layers=lists[0], kda_layers=lists[1]), "x")


def test_letters_say_what_words_say():
    words = small_config("nemotron_h")
    letters = {field: value for field, value in words.items() if field != "layers_block_type"}
    letters["hybrid_override_pattern"] = "ME*-"
    assert from_config(letters, "x") == from_config(words, "x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"layers_block_type": None, "hybrid_override_pattern": "MX*-"},
            "hybrid_override_pattern: must be of M or",
        ),
        ({"layers_block_type": None}, "hybrid_override_pattern: missing"),
        ({"num_hidden_layers": 5}, "the 4 layers of the pattern, got 5"),
        ({"n_shared_experts": 2}, "n_shared_experts: must be 1"),
    ],
)
def test_a_pattern_of_single_parts_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        from_config(small_config("nemotron_h") | changes, "x")


def test_a_word_of_another_kind_of_layer_is_refused():
    with pytest.raises(ConfigError, match="must be conv or full_attention, got linear_attention"):
        from_config(small_config("lfm2") | {"layer_types": ["conv", "conv", "conv", "linear_attention"]}, "x")


def test_a_model_without_attention_caches_nothing():
    for model_type in ("mamba", "falcon_mamba", "mamba2"):
        assert kv_bytes_per_token(from_config(small_config(model_type), "x")) == 0


def test_granite_without_experts_is_dense_in_its_shared_width():
    dense = from_config(small_config("granitemoehybrid") | {"num_local_experts": 0}, "x")
    assert {layer.ffn.d_ff for layer in dense.layers} == {56}


@pytest.mark.parametrize("times", [0, -1.0, float("nan"), "1", True, float("inf")])
def test_a_multiple_of_a_width_that_is_no_number_is_refused(times):
    with pytest.raises(ConfigError, match="block_ffn_dim_multiplier: must be a positive number"):
        from_config(small_config("lfm2") | {"block_ffn_dim_multiplier": times}, "x")
