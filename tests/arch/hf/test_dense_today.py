"""Dense decoders of today: released sizes, and what a family's fields change."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
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
