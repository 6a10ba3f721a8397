"""Cache, states and weights in bytes."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config
from optimoe.arch.memory import (
    kv_bytes,
    kv_bytes_by_context,
    kv_bytes_per_token,
    main_format,
    state_bytes,
    weight_bytes,
    weight_formats,
)
from optimoe.arch.params import count_params
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.arch.quantize import with_precision
from tests.arch.small_configs import small_config


@pytest.mark.parametrize(
    ("model_type", "values"),
    [
        ("mixtral", 4 * 2 * 2 * 16),
        ("deepseek_v3", 4 * (24 + 8)),
        ("deepseek_v32", 4 * (24 + 8 + 16)),
        ("jamba", 1 * 2 * 2 * 16),
        ("minimax", 2 * 2 * 2 * 16),
    ],
)
def test_a_token_s_cache_by_kind_of_attention(model_type, values):
    assert kv_bytes_per_token(from_config(small_config(model_type), "x")) == 2 * values


def test_windows_stop_growing_and_states_never_grow():
    spec = from_config(small_config("gemma2"), "x")
    per_token = 2 * 2 * 2 * 24
    assert kv_bytes(spec, 10) == 4 * 10 * per_token
    assert kv_bytes(spec, 100) == 2 * (100 + 16) * per_token
    jamba = from_config(small_config("jamba"), "x")
    assert state_bytes(jamba) == 4 * 3 * 128 * (8 + 3)
    assert kv_bytes(jamba, 100) - kv_bytes(jamba, 50) == 50 * kv_bytes_per_token(jamba)


def test_caches_are_listed_as_far_as_the_model_was_made_for():
    spec = find_model("mixtral-8x7b")
    listed = dict(kv_bytes_by_context(spec))
    assert (min(listed), max(listed)) == (1024, spec.max_context)
    assert listed[8192] == kv_bytes(spec, 8192)
    assert max(dict(kv_bytes_by_context(replace(spec, max_context=0)))) == 2**20


def test_weights_of_one_word_carry_scales_but_for_the_ends_and_norms():
    model = find_model("llama-3.1-8b")
    params = count_params(model)
    assert weight_bytes(model).total == 2 * params.total
    plain = params.embedding + params.unembedding + params.norms
    fp8 = weight_bytes(with_precision(model, "fp8"))
    assert fp8.total == pytest.approx((params.total - plain) * (1 + 4 / 128**2) + 2 * plain)
    assert fp8.embedding + fp8.unembedding + fp8.norms == 2 * plain


def test_weights_are_a_sum_over_layers_of_different_formats():
    model = find_model("deepseek-v3").in_bf16
    dense, routed = model.layers
    mixed = replace(model, layers=(dense, replace(routed, precisions=LayerPrecisions(routed_experts="nvfp4"))))
    params = count_params(model)
    assert weight_bytes(mixed).routed_experts == params.routed_experts * 4.5 / 8
    assert weight_bytes(mixed).attention == 2 * params.attention
    assert weight_formats(mixed)["routed_experts"] == ("nvfp4",)
    assert "recurrent" not in weight_formats(mixed)
    assert main_format(mixed) == "nvfp4"


def test_a_grid_of_models_has_bytes_and_a_format_too():
    model = with_precision(find_model("mixtral-8x7b"), "fp8")
    grid = replace(model, d_model=np.array([model.d_model // 2, model.d_model]))
    assert weight_bytes(grid).total[1] == weight_bytes(model).total
    assert weight_bytes(grid.at(1)) == weight_bytes(model)
    assert main_format(grid) == "fp8"
    assert weight_formats(grid) == weight_formats(model)
