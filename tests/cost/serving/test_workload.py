import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.serving.workload import Limits, Workload


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
