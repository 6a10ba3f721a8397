"""Weights that several layers read: stored once, passed, read and cached at every pass."""

from dataclasses import replace

import pytest

from optimoe.arch.flops import FrozenShares, decode_flops, frozen_flops_per_token
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.hf.quantization import quantised
from optimoe.arch.memory import kv_bytes_per_token, state_bytes, weight_bytes
from optimoe.arch.params import count_params, count_read_again, layer_params
from optimoe.arch.parts import Attention, MatrixChain
from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout, check_layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.weights import weights_per_gpu
from optimoe.cost.serving.step import decode_kernels
from optimoe.cost.training.exchange import data_parallel_s
from optimoe.cost.training.layout import TrainLayout, check_train_layout
from optimoe.cost.training.memory import stage_params
from optimoe.cost.training.setup import TrainSetup
from tests.arch.small_configs import small_config

LOOPED = ("dory", "hrm_text", "inkling2_loop_text", "zamba", "zamba2")


def of(model_type, **changes):
    return from_config(small_config(model_type) | changes, "x")


def apart(arch):
    """The same layers, each with weights of its own."""
    return replace(arch, layers=tuple(replace(group, reused=False) for group in arch.layers))


@pytest.mark.parametrize("model_type", LOOPED)
def test_shared_weights_count_once_and_what_a_token_passes_counts_at_every_pass(model_type):
    shared, own = of(model_type), apart(of(model_type))
    again = [group for group in shared.layers if group.reused]
    parts = [layer_params(shared, group) for group in again for _ in range(group.num_layers)]
    twice = sum(sum(part.values()) - part["routed_experts_active"] for part in parts)
    assert twice > 0
    assert count_params(own).total - count_params(shared).total == twice
    active = count_params(shared).active + count_read_again(shared, active=True)
    assert count_params(own).active == active
    assert weight_bytes(own).total - weight_bytes(shared).total == 2 * twice
    assert decode_flops(shared, 30) == decode_flops(own, 30)
    frozen = FrozenShares(mixers=1.0, dense_ffn=1.0)
    assert frozen_flops_per_token(shared, frozen) == frozen_flops_per_token(own, frozen)
    assert kv_bytes_per_token(shared) == kv_bytes_per_token(own)
    assert state_bytes(shared) == state_bytes(own)


@pytest.mark.parametrize("model_type", LOOPED)
def test_a_step_reads_shared_weights_at_every_pass_and_memory_holds_them_once(model_type):
    machine = Machine(gpu=find_accelerator("h100-sxm"), layout=Layout())
    shared, own = of(model_type), apart(of(model_type))
    assert weights_per_gpu(machine, shared) == weight_bytes(shared).total
    assert weights_per_gpu(machine, own) == weight_bytes(own).total
    engine = find_engine("vllm")
    steps = [decode_kernels(machine, engine, arch, 4, 100) for arch in (shared, own)]
    assert steps[0] == steps[1]


@pytest.mark.parametrize("model_type", LOOPED)
def test_training_keeps_the_states_of_shared_weights_once(model_type):
    shared = of(model_type)
    first, _, _ = stage_params(shared, TrainLayout())
    assert first.common + first.experts == pytest.approx(count_params(shared).total, rel=1e-12)
    assert first.passes * count_params(shared).total == pytest.approx(count_params(apart(shared)).total, rel=1e-12)


@pytest.mark.parametrize("zero", [1, 3])
def test_zero_3_gathers_shared_weights_at_every_pass_and_exchanges_their_gradients_once(zero):
    layout = TrainLayout(dp=8, zero=zero)
    machine, setup = Machine(gpu=find_accelerator("h100-sxm"), layout=layout.parts), TrainSetup()
    held = stage_params(of("dory"), layout)[0]
    times = [data_parallel_s(machine, params, layout, setup) for params in (held, replace(held, passes=1))]
    assert times[0].per_step_s == times[1].per_step_s
    assert (times[0].per_micro_batch_s > times[1].per_micro_batch_s) == (zero == 3)


def test_layers_that_share_weights_are_not_split_into_stages():
    words = "pp: must be 1 for a model whose layers share weights, got 2"
    shared = of("zamba")
    with pytest.raises(ConfigError, match=words):
        check_layout(shared, 2, Layout(pp=2))
    with pytest.raises(ConfigError, match=words):
        check_train_layout(shared, 2, 8, TrainLayout(pp=2))


def test_weights_that_no_layer_stores_are_refused():
    shared = of("zamba")
    alone = tuple(replace(group, reused=isinstance(group.mixer, Attention)) for group in shared.layers)
    with pytest.raises(ConfigError, match="reused: must be of a group that is equal to one that stores"):
        replace(shared, layers=alone)


@pytest.mark.parametrize("model_type", LOOPED)
def test_shared_weights_are_written_as_plain_values_and_read_back(model_type):
    shared = of(model_type)
    assert from_config(to_config(shared, "optimoe"), "x") == shared


@pytest.mark.parametrize("model_type", LOOPED)
def test_a_model_says_how_much_a_token_passes(model_type):
    shared = of(model_type)
    again = sum(group.num_layers for group in shared.layers if group.reused)
    assert f"{again} of {shared.num_layers} layers read weights that others store" in shared.note


def test_formats_of_shared_weights_are_read_where_no_list_names_layers():
    arch, plain = of("zamba2"), {"quant_method": "fp8", "modules_to_not_convert": ["lm_head"]}
    blocks = [group for group in quantised(arch, plain, "x").layers if not group.mixer.recurrent]
    assert {group.precisions.dense_ffn for group in blocks} == {"fp8"}
    assert any(group.reused for group in blocks)
    named = plain | {"modules_to_not_convert": ["model.layers.0.mamba"]}
    with pytest.raises(ConfigError, match="x: must be without lists of layers' modules"):
        quantised(arch, named, "x")


def test_a_block_stands_before_each_layer_that_passes_it_and_two_blocks_take_turns():
    arch = of("zamba2")
    blocks = [group for group in arch.unrolled if isinstance(group.mixer, Attention)]
    assert [block.reused for block in blocks] == [False, False, True]
    behind = [arch.unrolled[place + 1] for place, group in enumerate(arch.unrolled) if group in blocks]
    assert all(len(layer.beside) == 5 for layer in behind)
    assert arch.num_layers == small_config("zamba2")["num_hidden_layers"] + len(blocks)
    mixer, d = blocks[0].mixer, arch.d_model
    heads = mixer.num_heads * mixer.head_dim
    assert mixer.matrix_params(d) == 2 * d * 3 * heads + heads * d


def test_layers_that_a_token_passes_again_stand_as_often_as_it_does():
    words = "".join("again " if group.reused else "own " for group in of("hrm_text").unrolled)
    lower, upper = "own own ", "own own "
    assert words == lower + "again again " * 2 + upper + "again again " * 4
    dory = of("dory")
    assert [group.reused for group in dory.unrolled] == [False] * 3 + [True] * 4 + [False] * 3
    kinds = [group.mixer.window_tokens for group in dory.unrolled]
    assert kinds[1:3] == kinds[3:5] == kinds[5:7] != kinds[2:4]


def test_a_chain_multiplies_neighbouring_widths():
    chain = MatrixChain(widths=(6, 2, 10))
    assert chain.params(6) == {"dense_ffn": 6 * 2 + 2 * 10}
    assert chain.flops(6) == {"dense_ffn": 2 * (6 * 2 + 2 * 10)}
    with pytest.raises(ConfigError, match="widths: must be two or more, got 1"):
        MatrixChain(widths=(6,))
    with pytest.raises(ConfigError, match="widths: must be positive"):
        MatrixChain(widths=(6, 0))


@pytest.mark.parametrize(
    ("model_type", "changes", "words"),
    [
        ("zamba", {"tie_word_embeddings": False}, "tie_word_embeddings: must be True for zamba"),
        ("zamba", {"attention_hidden_size": 64}, "attention_hidden_size: must be twice hidden_size = 64, got 64"),
        ("zamba", {"hidden_mamba_act": "prelu"}, "hidden_mamba_act: must be silu"),
        ("zamba", {"layers_block_type": ["hybrid"] * 4}, "must have one entry for each of 5 layers, got 4"),
        ("zamba", {"layers_block_type": ["hybrid", "x", "x", "x", "x"]}, "layers_block_type: must be of "),
        ("zamba2", {"hybrid_layer_ids": [1]}, "hybrid_layer_ids: must be the layers that layers_block_type calls"),
        ("zamba2", {"num_key_value_heads": 2}, "num_key_value_heads: must be as many as heads, together 2·hidden"),
        ("zamba2", {"use_shared_mlp_adapter": False}, "use_shared_mlp_adapter: must be True for zamba2"),
        ("hrm_text", {"num_layers_per_stack": 3}, "num_hidden_layers: must be all 24 passes where num_layers_per"),
        ("hrm_text", {"H_cycles": 10**6}, "H_cycles: must be at most 100000 layers that a token passes"),
        ("hrm_text", {"attention_bias": True}, "attention_bias: must be False for hrm_text"),
        ("dory", {"n_recurrent_layers": 6}, "n_recurrent_layers: must be with n_input_layers and n_output_layers"),
        ("dory", {"layer_types": ["mlp", "full_attention"] * 6}, "layer_types: must be attention and mlp in turn"),
        ("dory", {"recurrent_kv_cache_mode": "last_loop"}, "recurrent_kv_cache_mode: must be per_loop for dory"),
        (
            "inkling2_loop_text",
            {"loop_num_passes": 1},
            "loop_num_passes: must be two or more: a single pass would",
        ),
        (
            "inkling2_loop_text",
            {"loop_layer_index_end": 6},
            r"loop_layer_index_end: must be from loop_layer_index_st",
        ),
        (
            "inkling2_loop_text",
            {"n_layers_per_attn_res_block": 3},
            "n_layers_per_attn_res_block: must be a divisor",
        ),
        ("zamba2", {"mamba_headdim": 16}, "n_mamba_heads: must be heads as wide as 128 together"),
    ],
)
def test_what_a_block_cannot_be_is_refused_in_one_line(model_type, changes, words):
    with pytest.raises(ConfigError, match=words):
        of(model_type, **changes)


def test_one_state_space_is_not_written_as_the_other():
    for model_type, other in (("zamba", "zamba2"), ("zamba2", "zamba")):
        with pytest.raises(ConfigError, match="x has parts that"):
            to_config(of(model_type), other)


def test_layers_without_a_block_are_read_and_not_written_as_ones_with_blocks():
    arch = of("zamba", layers_block_type=["mamba"] * 5)
    assert not any(group.reused or group.beside for group in arch.layers)
    with pytest.raises(ConfigError, match="a layer must be hybrid"):
        to_config(arch, "zamba")
