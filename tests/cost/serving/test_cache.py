"""Tokens and requests at once, given the free bytes that a log prints (shared reference, cases K3 to K5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.served import as_served
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.memory import request_bytes
from tests.cost.cases import DEEPSEEK, GPT_OSS, LLAMA, MIXTRAL, machine

GIB = 2**30


def held(model, free_bytes, length, tp=1, engine="vllm", **layout):
    return kv_tokens(machine(Layout(tp=tp, **layout)), find_engine(engine), model, free_bytes, length)


def test_qwen3_235b_on_four_gpus_has_the_tokens_that_its_log_prints():
    """8.02 GiB a GPU: 178,880 tokens in vLLM; 367,404 at 16.47 GiB in SGLang."""
    model = find_model("qwen3-235b-a22b")
    assert held(model, 8.02 * GIB, 40_960, tp=4).tokens == pytest.approx(178_880, rel=0.01)
    assert held(model, 16.47 * GIB, 40_960, tp=4, engine="sglang").tokens == pytest.approx(367_404, rel=0.01)
    assert held(model, 8.02 * GIB, 40_960, tp=4).max_concurrency == pytest.approx(178_880 / 40_960, rel=0.01)


def test_gpt_oss_sets_twelve_gib_aside_for_32_requests_where_layers_share_pages():
    """32 × 8,192 tokens: 12.00 GiB for the two kinds of layers of vLLM, 6.09 GiB at best."""
    model = find_model("gpt-oss-20b")
    one = held(model, 12.02 * GIB, 8192)
    assert 32 * one.request_bytes / GIB == pytest.approx(12.00, rel=0.01)
    assert one.max_concurrency == pytest.approx(32, rel=0.01)
    assert 32 * request_bytes(machine(), model, 8192) / GIB == pytest.approx(6.09, rel=0.01)
    assert held(model, 6.09 * GIB, 8192, engine="sglang").max_concurrency == pytest.approx(32, rel=0.01)


def test_gpt_oss_120b_holds_one_request_of_its_trained_context_in_its_full_layers_and_windows():
    assert request_bytes(machine(), find_model("gpt-oss-120b"), 131_072) / 2**20 == pytest.approx(4612.5, rel=0.01)


def test_a_state_makes_the_blocks_of_its_pool_longer():
    """Each of Qwen3-Next's twelve full layers takes a page as large as a recurrent state of the other 36."""
    one = held(find_model("qwen3-next-80b-a3b"), 20 * GIB, 262_144, tp=4)
    assert one.block_tokens > 256
    assert one.block_tokens % 16 == 0


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
@given(free=st.floats(1e9, 60e9), length=st.integers(1, 100_000))
def test_requests_at_once_never_hold_more_than_what_is_free(engine, free, length):
    for model in (LLAMA, MIXTRAL, DEEPSEEK, GPT_OSS):
        one = held(model, free, length, tp=2, engine=engine)
        assert one.max_concurrency * one.request_bytes <= free * (1 + 1e-9)
        served = as_served(machine(Layout(tp=2)), find_engine(engine), model)
        assert one.request_bytes >= request_bytes(*served, length) * (1 - 1e-9)


def test_heads_that_do_not_split_are_copied_and_ranks_have_caches_of_their_own():
    """Eight key-value heads on 16 GPUs hold no more than on 8; four attention ranks hold four caches."""
    assert held(LLAMA, 10e9, 1000, tp=16).tokens == held(LLAMA, 10e9, 1000, tp=8).tokens
    assert held(LLAMA, 10e9, 1000, tp=2, dp=4).tokens == 4 * held(LLAMA, 10e9, 1000, tp=2).tokens
    assert held(DEEPSEEK, 10e9, 1000, tp=8).tokens == held(DEEPSEEK, 10e9, 1000).tokens


def test_nothing_is_free_where_the_weights_do_not_fit():
    assert held(LLAMA, -5e9, 1000).tokens == 0
    with pytest.raises(ConfigError, match="length: must be at least 1 token, got 0"):
        held(LLAMA, 1e9, 0)
