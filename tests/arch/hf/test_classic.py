"""Dense decoders that are older than Llama, or unlike it: released sizes, and names of their own."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from optimoe.arch.count import count
from optimoe.arch.hf import from_config
from optimoe.arch.memory import kv_bytes
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config

DATA = Path(os.environ.get("OPTIMOE_DATA", "nowhere")) / "model_configs_2026" / "configs"
RELEASED = {
    "Nemotron-3 8B": (
        {
            "model_type": "nemotron",
            "hidden_size": 4096,
            "intermediate_size": 16384,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 256_000,
            "hidden_act": "relu2",
            "tie_word_embeddings": False,
        },
        8_540_135_424,
    ),
    "Phi-2": (
        {
            "model_type": "phi",
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "vocab_size": 51_200,
        },
        2_779_683_840,
    ),
    "GPT-2": (
        {
            "model_type": "gpt2",
            "n_ctx": 1024,
            "n_embd": 768,
            "n_head": 12,
            "n_layer": 12,
            "n_positions": 1024,
            "vocab_size": 50_257,
        },
        124_439_808,
    ),
    "BLOOM": (
        {
            "model_type": "bloom",
            "n_embed": 14_336,
            "n_layer": 70,
            "num_attention_heads": 112,
            "vocab_size": 250_880,
        },
        176_247_271_424,
    ),
    "GPT-NeoX 20B": (
        {
            "model_type": "gpt_neox",
            "hidden_size": 6144,
            "intermediate_size": 24576,
            "num_hidden_layers": 44,
            "num_attention_heads": 64,
            "vocab_size": 50_432,
            "tie_word_embeddings": False,
        },
        20_554_567_680,
    ),
    "OPT 350M": (
        {
            "model_type": "opt",
            "hidden_size": 1024,
            "word_embed_proj_dim": 512,
            "ffn_dim": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "max_position_embeddings": 2048,
            "vocab_size": 50_272,
            "do_layer_norm_before": False,
        },
        331_196_416,
    ),
    "MPT 7B": (
        {
            "model_type": "mpt",
            "d_model": 4096,
            "n_heads": 32,
            "n_layers": 32,
            "vocab_size": 50_432,
            "no_bias": True,
            "expansion_ratio": 4,
            "attn_config": {"alibi": True, "attn_type": "multihead_attention", "qk_ln": False},
        },
        6_649_286_656,
    ),
}
"""Fields by which the makers publish a model, and its parameters."""


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_model_has_the_parameters_that_are_known(name):
    config, params = RELEASED[name]
    assert count(from_config(config, name)).params.total == params


def test_weights_of_nemotron_3_8b_take_what_an_engine_logs():
    """15.9077 GiB in bf16, with the table of its 4,096 positions' turns of 64 channels."""
    weights = count(from_config(RELEASED["Nemotron-3 8B"][0], "x")).weight_bytes
    assert round((weights + 2 * 4096 * 64) / 2**30, 4) == 15.9077


def test_multi_query_attention_caches_one_head():
    """StarCoder, 40 layers: 2 · 128 values a layer and token; without the flag 48 times as many."""
    config = {
        "model_type": "gpt_bigcode",
        "n_embd": 6144,
        "n_head": 48,
        "n_inner": 24576,
        "n_layer": 40,
        "n_positions": 8192,
        "vocab_size": 49_152,
        "multi_query": True,
    }
    one = count(from_config(config, "x")).kv_bytes_per_token
    assert one == 40 * 2 * 128 * 2
    assert count(from_config(config | {"multi_query": False}, "x")).kv_bytes_per_token == 48 * one


@pytest.mark.parametrize(
    ("flags", "heads", "norms"),
    [
        ({"multi_query": True, "new_decoder_architecture": False, "parallel_attn": True}, 1, 1),
        ({"multi_query": False, "new_decoder_architecture": False, "parallel_attn": False}, 8, 2),
        ({"multi_query": True, "new_decoder_architecture": True, "parallel_attn": True, "num_kv_heads": 2}, 2, 2),
    ],
)
def test_flags_of_falcon_decide_its_heads_and_norms(flags, heads, norms):
    shape = {"hidden_size": 64, "num_attention_heads": 8, "num_hidden_layers": 2, "vocab_size": 128, "bias": False}
    (group,) = from_config({"model_type": "falcon"} | shape | flags, "x").layers
    assert (group.mixer.num_kv_heads, group.num_norms) == (heads, norms)


def test_local_layers_of_gpt_neo_hold_their_window_alone():
    shape = {"hidden_size": 64, "num_heads": 4, "num_layers": 4, "vocab_size": 128, "max_position_embeddings": 64}
    config = {"model_type": "gpt_neo", "window_size": 16, "attention_types": [[["global", "local"], 2]]} | shape
    assert kv_bytes(from_config(config, "x"), 64) == 2 * (2 * 64 * 2) * (64 + 16)


@pytest.mark.parametrize("model_type", ["gpt2", "opt", "falcon", "gptj", "phi"])
def test_an_activation_that_learns_is_counted_by_the_field_that_names_it(model_type):
    """One slope of PReLU in each of four layers."""
    field = {"falcon": "activation", "phi": "hidden_act"}.get(model_type, "activation_function")
    plain, learns = (
        count(from_config(small_config(model_type) | {field: word}, "x")).params.total
        for word in ("gelu", "prelu")
    )
    assert learns - plain == 4


def test_maps_of_differential_attention_weigh_the_values_of_two_heads():
    config = small_config("diffllama")
    spec = from_config(config, "x")
    plain = replace(spec.layers[0].mixer, differential=False)
    assert spec.layers[0].mixer.params(64) - plain.params(64) == 4 * plain.head_dim
    pair = (spec.layers[0].mixer, plain)
    ours, theirs = (mixer.flops(64, 32, "decode", "absorbed")["attention_scores"] for mixer in pair)
    assert 2 * ours == 3 * theirs
    assert spec.layers[0].mixer.cache_values == plain.cache_values


@pytest.mark.parametrize(
    ("model_type", "changes", "words"),
    [
        ("gpt_neo", {"attention_types": [[["global", "local"], 3]]}, "attention_types: must name 4 layers"),
        ("mpt", {"attn_config": {"alibi": False}}, "attn_config.alibi: must be True for mpt, got False"),
        (
            "nemotron-nas",
            {"block_configs": [{}]},
            "block_configs: must have one entry for each of 4",
        ),
        (
            "nemotron-nas",
            {"block_configs": [{"attention": {"no_op": False, "replace_with_linear": True}}] * 4},
            "block_configs 0: attention.replace_with_linear: must be false or null, got True",
        ),
        ("gpt2", {"add_cross_attention": True}, "add_cross_attention: must be False for gpt2, got True"),
        ("gpt2", {"num_attention_heads": 5}, "num_attention_heads: must be a divisor of hidden_size = 64, got 5"),
    ],
)
def test_what_would_need_another_part_is_refused_by_name(model_type, changes, words):
    with pytest.raises(ConfigError, match=words):
        from_config(small_config(model_type) | changes, "x")


SUPER = DATA / "nvidia--Llama-3_3-Nemotron-Super-49B-v1.json"


@pytest.mark.skipif(not SUPER.exists(), reason="OPTIMOE_DATA is not set")
def test_blocks_that_a_search_chose_have_their_own_attention_width_and_cache():
    """Nemotron-Super 49B: 49 of 80 layers cache 8 heads of 128, and the others have no attention."""
    spec = from_config(json.loads(SUPER.read_text()), "super")
    assert count(spec).params.total == 49_867_145_216
    assert sum(not group.mixer.absent for group in spec.unrolled) == 49
    assert count(spec).kv_bytes_per_token == 49 * 2 * 8 * 128 * 2
    assert {group.ffn.d_ff for group in spec.layers} == {2816, 5632, 7168, 14336, 17920, 28672}
    assert count(spec).tensor_parallel_collectives == 49 + 80
