import pytest

from optimoe.core.errors import ConfigError, InfeasibleError, InputError, UnknownNameError
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import best_serving
from tests.cost.cases import MIXTRAL, deployment


@pytest.mark.parametrize(
    ("changes", "options", "error", "words"),
    [
        ({"gpus": 1}, {}, InfeasibleError, "memory: 93.4 GB"),
        ({"gpus": 2}, {"concurrency": 5000}, InfeasibleError, "largest batch is 208"),
        ({"limits": Limits(tpot_s=1e-6)}, {}, InfeasibleError, "tpot: the limit of 1.00 µs binds"),
        ({"limits": Limits(ttft_s=1e-6)}, {}, InfeasibleError, "ttft: the limit of 1.00 µs binds"),
        ({}, {"fixed": {"tp": 3}}, ConfigError, "tp"),
        ({"gpus": 6}, {"fixed": {"tp": 6}}, ConfigError, "tp: must be a divisor of num_heads = 32"),
        ({}, {"concurrency": 0}, ConfigError, "concurrency"),
        ({"precision": "fp7"}, {}, InputError, "precision"),
        ({"kv_precision": "fp7"}, {}, UnknownNameError, "precision"),
    ],
)
def test_an_impossible_request_says_why_and_what_would_work(changes, options, error, words):
    with pytest.raises(error) as caught:
        best_serving(MIXTRAL, deployment(**changes), **options)
    assert words in str(caught.value)


def test_what_a_limit_says_would_lift_it_does():
    with pytest.raises(InfeasibleError) as caught:
        best_serving(MIXTRAL, deployment(limits=Limits(tpot_s=1e-6)))
    lifted = float(str(caught.value).split("--tpot ")[1].split()[0])
    assert best_serving(MIXTRAL, deployment(limits=Limits(tpot_s=lifted))).tpot_s <= lifted
