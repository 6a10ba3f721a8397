"""Dense decoders of today: released sizes, and what a family's fields change."""

import pytest

from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.memory import kv_bytes, weight_bytes
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config

AFM = {
    "model_type": "arcee",
    "hidden_size": 2560,
    "intermediate_size": 18_432,
    "num_hidden_layers": 36,
    "num_attention_heads": 20,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "vocab_size": 128_004,
}


def params(config):
    return count_params(from_config(config, "x"))


def test_afm_has_two_matrices_a_feed_forward():
    assert params(AFM).total == 4_619_184_640


@pytest.mark.parametrize(("activation", "more"), [("xielu", 2), ("prelu", 1), ("silu", 0)])
def test_an_activation_that_learns_is_counted_in_each_layer(activation, more):
    config = small_config("apertus") | {"num_hidden_layers": 3, "hidden_act": "relu2"}
    learned = params(config | {"hidden_act": activation}).dense_ffn - params(config).dense_ffn
    assert learned == 3 * more


def test_a_layer_that_reuses_a_cache_reads_it_and_neither_projects_nor_holds_keys():
    config = small_config("gemma4_text") | {"use_double_wide_mlp": False, "enable_moe_block": False}
    layers = from_config(config, "x").unrolled
    own, reusing = layers[0].mixer, layers[4].mixer
    assert [layer.mixer.shared_kv for layer in layers] == [False] * 3 + [True] * 3
    heads, width, window = 2, 24, 16
    assert (own.cache_values, reusing.cache_values) == (2 * heads * width, 0)
    assert own.read_values(100) == reusing.read_values(100) == 2 * heads * width * window
    assert own.matrix_params(64) - reusing.matrix_params(64) == 2 * heads * width * 64


def test_a_full_layer_whose_values_are_its_keys_projects_once_and_caches_both():
    full = from_config(small_config("gemma4_text"), "x").unrolled[1].mixer
    assert full.matrix_params(64) == 64 * 32 * (4 + 4 + 1)
    assert full.cache_values == 2 * 32


def test_tables_of_layers_cost_memory_but_neither_flops_nor_weights_that_a_step_reads():
    config = small_config("gemma4_text")
    model, narrow = (from_config(config | {"vocab_size_per_layer_input": rows}, "x") for rows in (384, 128))
    assert count_params(model).embedding == 512 * 64 + 6 * 384 * 8
    assert count_params(model).nonembedding == count_params(narrow).nonembedding
    assert decode_flops(model, 100) == decode_flops(narrow, 100)
    assert weight_bytes(model).total - weight_bytes(narrow).total == 2 * 6 * 256 * 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"use_bidirectional_attention": "all"}, "null or vision"),
        ({"sliding_window": None}, "sliding_window"),
        ({"num_kv_shared_layers": 5}, "each kind of layer has a cache"),
        ({"hidden_activation": "xielu"}, "without parameters in experts"),
        ({"per_layer_config": {"1": {"head_dim": 8}, "3": {"head_dim": 8}}}, "a row for each full layer"),
        ({"per_layer_config": {layer: {"head_dim": 8 * int(layer)} for layer in "135"}}, "the same heads"),
    ],
)
def test_what_gemma_4_cannot_be_is_refused_in_one_line(changes, words):
    with pytest.raises(ConfigError, match=words) as refused:
        from_config(small_config("gemma4_text") | changes, "x")
    assert len(str(refused.value)) <= 200


def test_heads_of_full_layers_are_read_from_rows_as_from_global_fields():
    config = small_config("gemma4_text")
    rows = {layer: {"head_dim": 32, "num_key_value_heads": 1} for layer in ("01", "03", "05")}
    named = {name: value for name, value in config.items() if "global" not in name}
    assert from_config(named | {"per_layer_config": rows}, "x") == from_config(config, "x")


@pytest.mark.parametrize(
    "model_type",
    ["gemma3n_text", "gemma4_text", "exaone4", "smollm3", "granite_swa", "ernie4_5", "hrm_text", "dory"],
)
def test_the_cache_of_a_token_is_what_the_modules_hold(model_type):
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    config, tokens = small_config(model_type), 5
    fields = {name: value for name, value in config.items() if name != "model_type"}
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type](**fields)
    with torch.no_grad():
        model = transformers.AutoModelForCausalLM.from_config(made)
        cache = model(torch.zeros(1, tokens, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers if layer.keys is not None)
    assert held * 2 == kv_bytes(from_config(config, "x"), tokens)


@pytest.mark.parametrize("model_type", ["gemma3n_text", "gemma4_text"])
def test_experts_alone_are_refused_by_families_of_dense_layers_in_one_line(model_type):
    with pytest.raises(ConfigError, match="cannot express"):
        to_config(from_config(small_config("mixtral"), "x"), model_type)
