"""Experts of query heads: parameters against the module of transformers, what a token takes of them by hand."""

import pytest

from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.arch.parts import RoutedHeads
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.mixers import decode_mixing, projections
from optimoe.cost.layers.weights import weights_per_gpu
from tests.arch.small_configs import small_config

MIXER = RoutedHeads(num_kv_heads=2, head_dim=24, num_experts=6, top_k=2, output_bias=True)
JETMOE_8B = {
    "model_type": "jetmoe",
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 24,
    "num_key_value_heads": 16,
    "kv_channels": 128,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "tie_word_embeddings": True,
}


def test_jetmoe_stores_in_a_layer_what_its_modules_do():
    pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    config = small_config("jetmoe") | {"num_hidden_layers": 1}
    arch = from_config(config, "x")
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[config.pop("model_type")](**config)
    layer = transformers.AutoModelForCausalLM.from_config(made).model.layers[0]
    assert arch.layers[0].mixer == MIXER
    assert MIXER.params(64) == sum(values.numel() for values in layer.self_attention.parameters())
    assert sum(
        MIXER.params_by_part(64)[part] for part in ("attention", "router", "routed_experts")
    ) == MIXER.params(64)


def test_jetmoe_8b_has_8_5_billion_parameters_of_which_a_token_takes_2_2():
    params = count_params(from_config(JETMOE_8B, "x"))
    assert params.total == 8_522_237_952
    idle = 24 * 6 * (3 * 2048 * 5632 + 2 * 2048 * 2048)  # six of eight experts of both kinds in each layer
    assert params.active == params.total - idle == pytest.approx(2.33e9, rel=0.01)


def test_a_token_pays_for_its_own_experts_of_heads_alone():
    arch = from_config(small_config("jetmoe"), "x")
    flops, width = decode_flops(arch, 10), 2 * 24
    assert flops.attention_scores == 4 * 2 * 4 * (24 + 24) * 10
    assert flops.attention_projections == 4 * 2 * 64 * 2 * width
    assert flops.routed_experts == 4 * 2 * 2 * (2 * 64 * width + 3 * 64 * 96)
    assert MIXER.cache_values == 2 * width


def test_more_experts_than_there_are_are_refused():
    with pytest.raises(ConfigError, match="top_k: must be at most num_experts = 2"):
        RoutedHeads(num_kv_heads=2, head_dim=24, num_experts=2, top_k=3)


def test_gpus_hold_all_experts_of_heads_and_a_step_reads_those_that_its_tokens_touch():
    arch = from_config(JETMOE_8B, "x")
    machine = Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(tp=1))
    assert weights_per_gpu(machine, arch) == pytest.approx(2 * count_params(arch).total, rel=1e-3)
    mixer = arch.layers[0].mixer
    one, many = (list(projections(mixer, machine, 2048, tokens))[-1].shape.num_bytes for tokens in (1, 10_000))
    assert (one, many) == (pytest.approx(2 * 2 * 2048 * 2048), pytest.approx(2 * 8 * 2048 * 2048))
    heads = next(decode_mixing(mixer, machine, 2048, 4, 1000)).shape
    assert (heads.num_heads, heads.num_kv_heads, heads.seen) == (32, 16, 1000)
