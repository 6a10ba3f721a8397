import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, InfeasibleError, InputError, UnknownNameError
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.feasibility import Feasibility, explain_infeasible, startable
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


def test_weights_that_load_at_the_share_of_later_releases_only_are_served_at_it():
    """gpt-oss-120b on one H100: 64.4 GiB, and 7.5 of warm-up, are more than 0.90 and less than 0.92 of 79.2."""
    model = find_model("gpt-oss-120b")
    for given, share in ((deployment(1), 0.92), (deployment(1, memory_share=0.9), 0.9), (deployment(2), 0.0)):
        assert startable(model, given, every_layout(model, given)).engine.memory_share == share
    assert startable(MIXTRAL, deployment(1), every_layout(MIXTRAL, deployment(1))) == deployment(1)


def test_a_refusal_names_the_least_share_that_would_hold_the_requests():
    with pytest.raises(InfeasibleError, match=r"or --memory-share 0\.92$"):
        best_serving(MIXTRAL, deployment(2), concurrency=220)
    with pytest.raises(InfeasibleError) as caught:
        best_serving(MIXTRAL, deployment(1))
    assert "--memory-share" not in str(caught.value)


def test_memory_is_named_only_where_no_design_fits_at_all():
    small = Feasibility(fits=np.array([True]), least_tpot_s=np.array([0.01]), least_ttft_s=np.array([0.1]))
    large = Feasibility(fits=np.array([False]), least_tpot_s=np.array([np.inf]), least_ttft_s=np.array([np.inf]))
    assert explain_infeasible([large], Limits(tpot_s=1e-3)).startswith("memory: ")
    assert explain_infeasible([small, large], Limits(tpot_s=1e-3)).startswith("tpot: ")
    grid = Feasibility(
        fits=np.array([False, True]), least_tpot_s=np.array([np.inf, 0.01]), least_ttft_s=np.array([np.inf, 0.1])
    )
    assert explain_infeasible([grid], Limits(ttft_s=1e-3)).startswith("ttft: ")
