"""Where the rule of thumb is outside its range."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.parts import PEER
from optimoe.cost.published.epoch_range import outside_range


@pytest.mark.parametrize("name", ["gpt-4", "mixtral-8x22b", "mixtral-8x7b", "llama-3.1-405b", "gpt-3"])
def test_the_article_s_own_models_are_inside(name):
    assert outside_range(find_model(name)) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deepseek-v3", {"fine-grained", "shared experts", "58 of 61 layers", "latent attention"}),
        ("qwen3-30b-a3b", {"fine-grained"}),
        ("llama-4-scout", {"shared experts", "windows"}),
        ("jamba-v0.1", {"16 of 32 layers", "28 of 32 layers"}),
    ],
)
def test_the_assumption_that_fails_is_named(name, words):
    said = outside_range(find_model(name))
    assert {word for word in words if any(word in line for line in said)} == words
    assert len(said) == len(words)


def test_as_many_active_as_the_root_of_all_send_no_less_than_the_twin():
    mixtral = find_model("mixtral-8x7b")
    (layers,) = mixtral.layers
    wide = replace(mixtral, layers=(replace(layers, ffn=replace(layers.ffn, top_k=3)),))
    (line,) = outside_range(wide)
    assert "A = 3 is no smaller than √E = 2.83" in line


def test_experts_of_one_neuron_follow_other_rules():
    mixtral = find_model("mixtral-8x7b")
    (layers,) = mixtral.layers
    peer = PEER(num_keys=1024, num_heads=8, top_k=16, d_key=256)
    (line,) = outside_range(replace(mixtral, layers=(replace(layers, ffn=peer),)))
    assert "one neuron" in line


def test_layers_that_share_weights_are_told():
    mixtral = find_model("mixtral-8x7b")
    again = [replace(group, reused=True) for group in mixtral.layers]
    (line,) = outside_range(replace(mixtral, layers=(*mixtral.layers, *again)))
    assert line == "32 of 64 layers read weights that others store: a token passes more than that"
