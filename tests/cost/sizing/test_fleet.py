import math
from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InfeasibleError
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.fleet import Offer, fleets, load_of, longest_context
from optimoe.cost.sizing.layouts import best_serving
from tests.cost.cases import LLAMA, MIXTRAL, SCOUT, asked


def offer(gpu="h100-sxm", most=8, usd=2.0):
    cluster = Cluster(accelerator=find_accelerator(gpu), num_gpus=most)
    return Offer(cluster=cluster, price=given_price(usd), engine=Engine())


def test_a_fleet_carries_its_load_and_one_deployment_less_does_not():
    for fleet in fleets(MIXTRAL, asked(limits=Limits(tpot_s=0.04)), [offer(), offer("h200-sxm")], 40_000.0):
        rate = fleet.estimate.tokens_per_s
        assert fleet.num_deployments * rate >= 40_000 > (fleet.num_deployments - 1) * rate
        assert fleet.utilisation == pytest.approx(40_000 / (fleet.num_deployments * rate))
        assert fleet.estimate.tpot_s <= 0.04
        assert fleet.usd_per_hour == fleet.num_gpus * 2.0


def test_fleets_come_smallest_first_and_a_dearer_gpu_changes_no_count():
    cheap = fleets(MIXTRAL, asked(), [offer(), offer("h200-sxm")], 20_000.0)
    dear = fleets(MIXTRAL, asked(), [offer("h200-sxm", usd=9.0), offer(usd=9.0)], 20_000.0)
    counts = [fleet.num_gpus for fleet in cheap]
    assert counts == sorted(counts)
    assert counts == [fleet.num_gpus for fleet in dear]


def test_a_load_no_fleet_can_carry_says_which_limit_binds():
    with pytest.raises(InfeasibleError, match="tpot: the limit"):
        fleets(MIXTRAL, asked(limits=Limits(tpot_s=1e-5)), [offer()], 1.0)
    with pytest.raises(InfeasibleError, match="memory"):
        fleets(MIXTRAL, asked(), [offer(most=1)], 1.0)
    with pytest.raises(InfeasibleError, match="load"):
        fleets(MIXTRAL, asked(), [offer()], 0.0)


def test_the_stated_most_is_among_the_sizes_and_stages_serve_where_nothing_else_does():
    """216 GB of weights on three GPUs of 96 GB: 3 divides neither 40 heads nor 16 experts, so only stages do."""
    carriers = fleets(SCOUT, asked(), [offer("h100-sxm@96GB", most=3)], 5120.0)
    assert [(fleet.deployment.cluster.num_gpus, fleet.estimate.layout.pp) for fleet in carriers] == [(3, 3)]
    alone = best_serving(SCOUT, asked(3, "h100-sxm@96GB"))
    assert carriers[0].estimate == alone
    assert carriers[0].num_deployments == math.ceil(5120 / alone.tokens_per_s) == 8
    assert carriers[0].estimate.tpot_s == pytest.approx(42.6e-3, rel=1e-2)


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (3, [1, 2, 3]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_deployments_double_up_to_the_most(most, sizes):
    carriers = fleets(LLAMA, asked(), [offer(most=most)], 1000.0)
    assert sorted(fleet.deployment.cluster.num_gpus for fleet in carriers) == sizes


@pytest.mark.parametrize(
    ("percentile", "words"), [(0.0, "memory: 216 GB of bf16"), (0.9, "memory: the weights and two")]
)
def test_a_model_that_fits_no_size_is_refused_with_what_would_hold_it(percentile, words):
    with pytest.raises(InfeasibleError, match=words):
        limits = Limits(ttft_percentile=percentile, tpot_percentile=percentile)
        fleets(SCOUT, asked(limits=limits), [offer(most=1)], 5120.0)


def test_each_kind_of_gpu_says_why_its_largest_deployment_does_not_serve():
    with pytest.raises(InfeasibleError) as caught:
        fleets(MIXTRAL, asked(limits=Limits(tpot_s=1e-5)), [offer(most=1), offer("h200-sxm")], 5120.0)
    small, large = str(caught.value).split("; h200-sxm: ")
    assert small.startswith("h100-sxm: memory: 93.4 GB")
    assert large.startswith("tpot: the limit of 10.0 µs binds")


def test_a_load_is_stated_in_requests_or_in_tokens_a_day():
    workload = Workload(output_tokens=500)
    assert load_of(workload, requests_per_s=2) == 1000
    assert load_of(workload, tokens_per_day=86_400_000) == pytest.approx(1000)


@pytest.mark.parametrize(("limits", "concurrency"), [(Limits(), 1), (Limits(ttft_s=2.0), 1), (Limits(), 16)])
def test_one_token_more_than_the_longest_context_does_not_fit(limits, concurrency):
    single = asked(1, limits=limits, output_tokens=100)
    unstated = replace(LLAMA, max_context=0)
    longest = longest_context(unstated, single, concurrency)
    assert longest.estimate.ttft_s <= limits.ttft_s
    assert longest.bound_by == ("memory" if limits == Limits() else "limits")
    longer = asked(1, limits=limits, input_tokens=longest.tokens + 1, output_tokens=100)
    with pytest.raises(InfeasibleError):
        best_serving(LLAMA, longer, concurrency=concurrency)


def test_a_model_that_does_not_fit_has_no_longest_context():
    with pytest.raises(InfeasibleError, match="memory"):
        longest_context(MIXTRAL, asked(1), 1)


def test_the_longest_prompt_ends_where_the_model_was_made_for_no_more():
    """Llama 3 8B: 8,192 tokens, prompt and answer; an H100 holds 400,000."""
    short = find_model("llama-3-8b")
    longest = longest_context(short, asked(1, output_tokens=100), 1)
    assert (longest.tokens, longest.bound_by) == (8192 - 100, "trained context")
    with pytest.raises(
        InfeasibleError, match="10,000 of answer, more than the 8,192 that llama-3-8b was made for"
    ):
        longest_context(short, asked(1, output_tokens=10_000), 1)


def test_the_end_of_the_search_is_no_finding(monkeypatch):
    monkeypatch.setattr("optimoe.cost.sizing.fleet.LARGEST_CONTEXT", 1000)
    longest = longest_context(replace(LLAMA, max_context=0), asked(1), 1)
    assert (longest.tokens, longest.bound_by) == (999, "search")
