from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.serving.workload import Limits, Workload, beyond_context
from tests.cost.cases import LLAMA


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rounds": 0.5}, "rounds: must be at least 1"),
        ({"prefix_hit": 1.5}, "prefix_hit: must be from 0 to 1"),
        ({"input_tokens": 0}, "input_tokens: must be positive"),
    ],
)
def test_a_workload_out_of_its_limits_is_named(change, words):
    with pytest.raises(ConfigError, match=words):
        Workload(**change)


def test_a_limit_is_positive():
    with pytest.raises(ConfigError, match="tpot_s: must be positive"):
        Limits(tpot_s=0.0)


def test_a_cached_prefix_leaves_the_last_token_to_compute():
    assert Workload(input_tokens=1000, prefix_hit=0.75).prefill_tokens == 250
    assert Workload(input_tokens=1000, prefix_hit=1.0).prefill_tokens == 1


def test_requests_longer_than_a_model_was_made_for_are_said():
    short = replace(LLAMA, max_context=8192)
    assert beyond_context(short, Workload(input_tokens=7168, output_tokens=1024)) == ""
    assert beyond_context(replace(LLAMA, max_context=0), Workload(input_tokens=10**6)) == ""
    said = beyond_context(short, Workload(input_tokens=7169, output_tokens=1024))
    assert said == (
        "context: 7,169 tokens of prompt and 1,024 of answer, more than the 8,192 that llama-3.1-8b was made for"
    )
