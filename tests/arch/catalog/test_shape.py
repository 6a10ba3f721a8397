"""Shapes stated by hand: inline, or as tables with groups of layers."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model, parse_shape, read_shape
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, GatedDeltaNet, LatentAttention, MoE
from optimoe.core.config import save_toml
from optimoe.core.errors import ConfigError, InputError

QWEN = (
    "d_model=2048,num_layers=48,num_heads=32,num_kv_heads=4,head_dim=128,num_experts=128,top_k=8,"
    "d_expert=768,vocab_size=151936,qk_norm=head"
)
DEEPSEEK_V3 = {
    "d_model": 7168, "num_layers": 61, "vocab_size": 129280, "attention": "mla", "num_heads": 128, "head_dim": 128,
    "q_lora_rank": 1536, "num_experts": 256, "top_k": 8, "num_shared_experts": 1, "d_expert": 2048,
    "first_dense_layers": 3, "d_ff": 18432, "num_mtp_layers": 1,
}  # fmt: skip
PLAIN = {"d_model": 256, "num_layers": 4, "num_heads": 4, "vocab_size": 1000, "d_ff": 512}


def same(one, other):
    return replace(one, name="", layers=one.in_bf16.layers) == replace(
        other.in_bf16, name="", precisions=one.precisions
    )


def test_a_shape_in_one_line_is_the_model_of_its_config():
    assert same(parse_shape(QWEN), find_model("qwen3-30b-a3b"))


def test_latent_attention_shared_experts_and_dense_layers_are_stated_by_hand():
    assert same(read_shape(DEEPSEEK_V3, "x", "x"), find_model("deepseek-v3"))


def test_groups_of_layers_state_what_differs_and_repeat():
    tables = [{"num_layers": 3}, {"num_layers": 58, "num_experts": 256, "top_k": 8, "num_shared_experts": 1,
                                  "d_expert": 2048}]  # fmt: skip
    left = ("num_layers", "num_experts", "top_k", "num_shared_experts", "d_expert", "first_dense_layers")
    outer = {word: value for word, value in DEEPSEEK_V3.items() if word not in left}
    assert same(read_shape(outer | {"layers": tables}, "x", "x"), find_model("deepseek-v3"))
    delta = {"kind": "gated_delta_net", "num_key_heads": 2, "num_value_heads": 4, "key_dim": 64, "value_dim": 64,
             "d_conv": 4}  # fmt: skip
    plain = {word: value for word, value in PLAIN.items() if word != "num_layers"}
    hybrid = read_shape(
        plain | {"repeat": 2, "layers": [{"num_layers": 3, "mixer": delta}, {"num_layers": 1}]}, "x", "x"
    )
    kinds = [(type(group.mixer), group.num_layers) for group in hybrid.layers]
    assert kinds == [(GatedDeltaNet, 3), (Attention, 1)] * 2


def test_what_is_left_out_follows_from_the_rest():
    (layer,) = read_shape(PLAIN, "x", "x").layers
    assert (layer.mixer.num_kv_heads, layer.mixer.head_dim) == (4, 64)
    (latent,) = read_shape(PLAIN | {"attention": "mla", "head_dim": 64}, "x", "x").layers
    assert latent.mixer == LatentAttention(num_heads=4, kv_lora_rank=256, qk_nope_dim=64, qk_rope_dim=32, v_dim=64)
    windows = read_shape(PLAIN | {"window_tokens": 128, "full_every": 2}, "x", "x").layers
    assert [group.mixer.window_tokens == 128 for group in windows] == [True, False, True, False]
    every = read_shape(PLAIN | {"num_experts": 8, "top_k": 2, "d_expert": 64, "moe_every": 2}, "x", "x").layers
    assert [type(group.ffn) for group in every] == [DenseFFN, MoE, DenseFFN, MoE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_heads": 0}, "num_heads: must be positive, got 0"),
        ({"d_ff": 0}, "d_ff: must be positive where some layer is dense, got 0"),
        ({"num_experts": 8, "top_k": 2}, "d_expert: must be positive where layers route, got 0"),
        ({"num_experts": 8, "top_k": 9, "d_expert": 64}, "top_k: must be at most num_experts = 8, got 9"),
        ({"num_experts": 8, "d_expert": 64, "first_dense_layers": 4}, "first_dense_layers: must be such that"),
        ({"num_heads": 3}, "head_dim: must be stated"),
        ({"attention": "mla"}, "head_dim: must be stated with latent attention"),
        (
            {"attention": "mla", "head_dim": 64, "num_kv_heads": 2},
            "num_kv_heads: must be left out with mla, got 2",
        ),
        ({"d_model": 2.5}, "d_model"),
        ({"dmodel": 2}, "unknown name 'dmodel' \\(nearest: d_model"),
        ({"attention": "gqaa"}, "gqaa"),
        ({"layers": [{"num_layers": 2}]}, "num_layers: must be left to each of the layers, got 4"),
        ({"repeat": 3}, "repeat: must be left out without layers, got 3"),
        ({"mixer": {"kind": "mambo"}}, "unknown name 'mambo' \\(nearest: mamba"),
    ],
)
def test_what_cannot_be_is_refused_with_field_limit_and_value(change, message):
    with pytest.raises(InputError, match=message):
        read_shape(PLAIN | change, "x", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d_model=4096,num_layers", "must be like d_model=4096,num_layers=48, got 'num_layers'|got num_layers"),
        ("d_model=4096,d_model=2048", "d_model: must be stated once, got 4096 and 2048"),
        ("num_layers=2,vocab_size=5,num_heads=1,d_ff=2", "d_model"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_shape(text)


def test_a_file_that_is_no_config_json_is_read_as_parts(tmp_path):
    save_toml(tmp_path / "mine.toml", PLAIN)
    (tmp_path / "mine.json").write_text('{"name": "ours", "d_model": 256, "num_layers": 4, "num_heads": 4, '
                                        '"vocab_size": 1000, "d_ff": 512}')  # fmt: skip
    toml, json = find_model(str(tmp_path / "mine.toml")), find_model(str(tmp_path / "mine.json"))
    assert (toml.name, json.name) == ("mine", "ours")
    assert same(toml, json)
    (tmp_path / "other.json").write_text('{"hidden_size": 256}')
    with pytest.raises(ConfigError, match="model_type: missing"):
        find_model(str(tmp_path / "other.json"))


def test_experts_beside_a_dense_feed_forward_have_a_norm_of_their_own():
    arctic = find_model("snowflake-arctic")
    assert (arctic.layers[0].residual, arctic.layers[0].num_norms) == (DenseFFN(d_ff=7168), 3)
    assert count_params(arctic).total / 1e9 == pytest.approx(478.6, abs=0.1)
