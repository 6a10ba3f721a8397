"""Cache, states and weights in bytes."""

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config
from optimoe.arch.memory import kv_bytes, kv_bytes_per_token, state_bytes, weight_bytes
from optimoe.arch.params import count_params
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


def test_precisions_carry_their_scales():
    params = count_params(find_model("llama-3.1-8b"))
    assert weight_bytes(params) == 2 * params.total
    assert weight_bytes(params, "fp8") == pytest.approx(params.total * (1 + 4 / 128**2))
