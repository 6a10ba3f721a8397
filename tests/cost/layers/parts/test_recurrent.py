"""What layers with states, of two mixers, and of one part launch and move."""

from dataclasses import replace

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.memory import STATE_BYTES
from optimoe.arch.parts import NoFeedForward
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import DecodeAttention, Gemm, Roofline
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.feedforward import feed_forward
from optimoe.cost.layers.parts.mixers import decode_mixing, prefill_mixing, projections
from optimoe.cost.layers.weights import layer_weights
from optimoe.cost.serving.memory import request_bytes
from tests.arch.small_configs import small_config

RECURRENT = ("mamba2", "nemotron_h", "lfm2", "recurrent_gemma", "kimi_linear", "bailing_hybrid", "falcon_h1")


def machine(tp=1):
    return Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(tp=tp))


@pytest.mark.parametrize("model_type", RECURRENT)
def test_a_decoded_token_reads_and_writes_the_state_of_its_sequence(model_type):
    spec = from_config(small_config(model_type), "x")
    for layer in spec.layers:
        kernels = [kernel.shape for kernel in decode_mixing(layer.mixer, machine(), spec.d_model, 5, 100)]
        moved = sum(shape.num_bytes for shape in kernels if isinstance(shape, Roofline))
        assert moved == 5 * 2 * STATE_BYTES * layer.mixer.state_values


@pytest.mark.parametrize("model_type", RECURRENT)
def test_products_of_a_mixer_are_its_matrices(model_type):
    spec = from_config(small_config(model_type), "x")
    for layer in spec.layers:
        shapes = [kernel.shape for kernel in projections(layer.mixer, machine(), spec.d_model, 3)]
        products = sum(shape.width * shape.depth for shape in shapes if isinstance(shape, Gemm))
        assert products == pytest.approx(layer.mixer.matrix_params(spec.d_model), rel=1e-12)


def test_mixers_beside_each_other_launch_the_kernels_of_both():
    spec = from_config(small_config("falcon_h1"), "x")
    mixer = spec.layers[0].mixer
    for work in (
        lambda part: decode_mixing(part, machine(), spec.d_model, 4, 60),
        lambda part: prefill_mixing(part, machine(), spec.d_model, 60),
        lambda part: projections(part, machine(), spec.d_model, 4),
    ):
        both = [kernel.shape for kernel in work(mixer)]
        assert both == [kernel.shape for member in mixer.members for kernel in work(member)]
    assert any(isinstance(kernel.shape, DecodeAttention) for kernel in decode_mixing(mixer, machine(), 64, 4, 60))


def test_cache_and_state_of_mixers_beside_each_other_split_by_their_own_heads():
    """Over four GPUs the two key-value heads lie twice, each half of the four heads' state once."""
    spec = from_config(small_config("falcon_h1"), "x")
    mixer, tokens = spec.layers[0].mixer, 50
    assert (mixer.attention.num_kv_heads, mixer.state_space.num_heads) == (2, 4)
    cache, state = 2 * mixer.attention.held_values(tokens), STATE_BYTES * mixer.state_space.state_values
    assert request_bytes(machine(4), spec, tokens) == spec.num_layers * (cache / 2 + state / 4)


def test_a_layer_without_a_feed_forward_holds_its_mixer_and_one_norm():
    spec = from_config(small_config("mamba2"), "x")
    (group,) = spec.layers
    assert list(feed_forward(NoFeedForward(), machine(), spec.d_model, 3)) == []
    held = layer_weights(machine(), spec, replace(group, num_layers=1))
    assert sum(held.values()) == 2 * (group.mixer.params(spec.d_model) + spec.d_model)
