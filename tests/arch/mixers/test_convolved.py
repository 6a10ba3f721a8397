"""Convolutions around attention: what they keep against the modules' own caches, and products by hand."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.mixers.attention import Attention, DistanceBias
from optimoe.arch.mixers.convolved import CausalConvolution, ConvolvedAttention
from optimoe.core.errors import ConfigError
from tests.arch.mixers.test_states import TOKENS, run
from tests.arch.small_configs import small_config

DROPPED = {"zaya": 0, "inkling_text": 1, "inkling2_text": 1}
"""Inputs that a module's state holds beyond those that the next token needs."""


@pytest.mark.parametrize("model_type", DROPPED)
def test_a_sequence_takes_the_values_that_its_module_keeps(model_type):
    _, out = run(model_type)
    growing = fixed = 0
    for layer in out.past_key_values.layers:
        growing += layer.keys.numel() + layer.values.numel()
        fixed += sum(state[..., DROPPED[model_type] :].numel() for state in layer.conv_states.values())
        states = getattr(layer, "recurrent_states", {}).values()
        fixed += sum(state.numel() for state in states if state is not None)
    layers = from_config(small_config(model_type), model_type).unrolled
    assert sum(layer.mixer.held_values(TOKENS) for layer in layers) == growing
    assert sum(layer.mixer.state_values for layer in layers) == fixed


def test_a_bias_by_distance_is_projected_and_weighs_every_profile():
    """h·d_rel values of a token from d, then h products of d_rel with w_rel."""
    plain = Attention(num_heads=4, num_kv_heads=2, head_dim=16)
    biased = Attention(num_heads=4, num_kv_heads=2, head_dim=16, distances=DistanceBias(width=6, extent=20))
    assert biased.params(64) - plain.params(64) == 64 * 4 * 6 + 6 * 20
    flops = [one.flops(64, 10, "decode", "absorbed")["attention_projections"] for one in (plain, biased)]
    assert flops[1] - flops[0] == 2 * (64 * 4 * 6 + 4 * 6 * 20)


def test_a_kernel_of_the_token_is_a_product_beside_the_learned_one():
    learned = CausalConvolution(channels=32, d_conv=4)
    dynamic = CausalConvolution(channels=32, d_conv=4, dynamic_heads=2)
    assert (learned.matrix_params(64), learned.vector_params(64)) == (0, 128)
    assert (dynamic.matrix_params(64), dynamic.vector_params(64)) == (64 * 2 * 4, 128)
    assert dynamic.state_values == learned.state_values == 32 * 3


def test_sizes_out_of_their_limits_are_one_line():
    with pytest.raises(ConfigError, match="group: must be a divisor of channels = 32, got 5"):
        CausalConvolution(channels=32, d_conv=4, group=5)
    with pytest.raises(ConfigError, match="convolutions: must be one or more, got 0"):
        ConvolvedAttention(attention=Attention(num_heads=4, num_kv_heads=2, head_dim=16), convolutions=())
