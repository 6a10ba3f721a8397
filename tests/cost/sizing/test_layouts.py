from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.cost.engines.engine import find_engine
from optimoe.cost.layers.layout import Layout, candidate_layouts
from optimoe.cost.serving.estimate import evaluate
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.candidates import every_split
from optimoe.cost.sizing.layouts import best_serving, cheapest_of_sizes, cheapest_serving
from tests.cost.cases import MIXTRAL, deployment


def test_the_search_equals_trying_every_layout_and_batch():
    limits = Limits(tpot_s=0.03, ttft_s=2.0)
    best = best_serving(MIXTRAL, deployment(8, limits))
    rates = []
    every = candidate_layouts(8, 8, {}, routed=True)
    for tp, ep, pp, dp in zip(every.tp, every.ep, every.pp, every.dp, strict=True):
        layout = Layout(tp=int(tp), ep=int(ep), pp=int(pp), dp=int(dp))
        tried = evaluate(MIXTRAL, deployment(8), layout=layout, concurrency=np.arange(1.0, 4096.0) * layout.dp)
        kept = (tried.concurrency <= tried.max_batch) & (tried.tpot_s <= 0.03) & (tried.ttft_s <= 2.0)
        rates.extend(tried.tokens_per_s[kept])
    assert best.tokens_per_s == pytest.approx(max(rates), rel=0.02)
    assert best.tokens_per_s <= max(rates) * (1 + 1e-12)
    assert best.tpot_s <= 0.03
    assert best.ttft_s <= 2.0
    assert best.concurrency <= best.max_batch


@settings(max_examples=settings().max_examples // 5)  # each is two searches
@given(loose=st.floats(1.0, 50.0), tpot_ms=st.floats(4.0, 60.0))
def test_a_looser_limit_never_serves_dearer(loose, tpot_ms):
    tight = cheapest_serving(MIXTRAL, deployment(8, Limits(tpot_s=tpot_ms / 1e3)))
    wide = cheapest_serving(MIXTRAL, deployment(8, Limits(tpot_s=loose * tpot_ms / 1e3)))
    assert wide.usd_per_mtok <= tight.usd_per_mtok * (1 + 1e-9)


def test_fixed_layout_and_concurrency_are_kept():
    estimate = best_serving(MIXTRAL, deployment(8), fixed={"tp": 4, "ep": 1, "pp": 1}, concurrency=10)
    assert (estimate.layout.tp, estimate.layout.dp, estimate.concurrency) == (4, 2, 10)


BOTH, ONE = Limits(tpot_s=0.03, ttft_s=0.5, ttft_percentile=0.95), Limits(tpot_s=0.03, tpot_percentile=0.99)


@pytest.mark.parametrize(("precision", "limits"), [("bf16", BOTH), ("fp8", BOTH), ("bf16", ONE)])
def test_the_search_under_percentiles_equals_trying_every_layout_and_batch(precision, limits):
    asked = deployment(8, limits, precision=precision)
    best = best_serving(MIXTRAL, asked)
    rates = []
    every = candidate_layouts(8, 8, {}, routed=True)
    for tp, ep, pp, dp in zip(every.tp, every.ep, every.pp, every.dp, strict=True):
        layout = Layout(tp=int(tp), ep=int(ep), pp=int(pp), dp=int(dp))
        tried = evaluate(MIXTRAL, asked, layout=layout, concurrency=np.arange(1.0, 4096.0) * layout.dp)
        answered = np.isfinite(tried.ttft_s) & (tried.ttft_s <= limits.ttft_s)
        kept = (tried.concurrency < tried.max_batch) & (tried.tpot_s <= limits.tpot_s) & answered
        rates.extend(tried.tokens_per_s[kept])
    assert best.tokens_per_s == pytest.approx(max(rates), rel=0.02)
    assert best.tokens_per_s <= max(rates) * (1 + 1e-12)


def test_layouts_that_hold_one_request_alone_keep_no_limit_of_random_arrivals_and_say_nothing():
    asked = deployment(8, ONE)  # a wait without end over a TTFT that is not limited is no number
    long = replace(asked, workload=replace(asked.workload, input_tokens=100_000))
    best = best_serving(MIXTRAL, long)
    assert np.isfinite(best.ttft_s) and best.tpot_s <= ONE.tpot_s


def test_a_grid_under_percentiles_is_served_as_each_of_its_designs():
    asked = deployment(8, Limits(tpot_s=0.03, ttft_s=0.5, tpot_percentile=0.99, ttft_percentile=0.95))
    widths = [2048, 4096]
    models = [replace(MIXTRAL, d_model=width) for width in widths]
    grid = cheapest_serving(replace(MIXTRAL, d_model=np.array(widths)), asked)
    for index, model in enumerate(models):
        alone = cheapest_serving(model, asked)
        assert grid.tokens_per_s[index] == pytest.approx(alone.tokens_per_s, rel=1e-12)
        assert grid.ttft_s[index] == pytest.approx(alone.ttft_s, rel=1e-12)


@settings(max_examples=settings().max_examples // 5)  # each is two searches
@given(
    share=st.floats(0.55, 0.99),
    tpot_ms=st.floats(6.0, 80.0),
    ttft_s=st.floats(0.1, 5.0),
    prompt=st.integers(16, 8192),
    answer=st.integers(2, 2048),
    engine=st.sampled_from(["vllm", "sglang"]),
    limited=st.sampled_from(["ttft", "tpot", "both"]),
)
def test_a_limit_on_a_percentile_never_costs_less_than_on_the_mean(
    share, tpot_ms, ttft_s, prompt, answer, engine, limited
):
    mean = Limits(tpot_s=tpot_ms / 1e3, ttft_s=ttft_s)
    percentiles = {f"{name}_percentile": share for name in ("ttft", "tpot") if limited in (name, "both")}
    asked = replace(
        deployment(8, mean, Workload(input_tokens=prompt, output_tokens=answer)), engine=find_engine(engine)
    )
    strict = replace(asked, limits=replace(mean, **percentiles))
    costs = [cheapest_serving(MIXTRAL, one).usd_per_mtok for one in (asked, strict)]
    assert costs[1] >= costs[0] * 0.98  # the batches tried are 2 % apart at most


def test_designs_side_by_side_cost_what_each_costs_alone_shared_experts_or_none():
    (group,) = MIXTRAL.layers
    shared = np.array([0, 1, 0, 2])
    ffn = replace(group.ffn, num_shared_experts=shared, d_shared=group.ffn.d_expert * (shared > 0))
    grid = replace(
        MIXTRAL, d_model=np.full(4, MIXTRAL.d_model), layers=(replace(group, num_layers=np.full(4, 32), ffn=ffn),)
    )
    asked = deployment(8, Limits(tpot_s=0.02))
    together = cheapest_serving(grid, asked, every_split(grid, asked))
    alone = [best_serving(grid.at(row), asked).tokens_per_s for row in range(4)]
    assert alone == together.tokens_per_s.tolist()


@pytest.mark.parametrize("limits", [Limits(tpot_s=0.03), Limits(tpot_s=0.03, ttft_s=0.5, ttft_percentile=0.95)])
def test_boxes_of_several_sizes_side_by_side_serve_as_each_does_alone(limits):
    boxes = [deployment(size, limits) for size in (1, 2, 8, 16)]
    grid = replace(MIXTRAL, d_model=np.array([2048, 4096]))
    for box, found in zip(boxes, cheapest_of_sizes(grid, boxes, every_split), strict=True):
        alone = cheapest_serving(grid, box, every_split(grid, box))
        serves = np.asarray(alone.tokens_per_s) > 0
        for name in ("tokens_per_s", "tokens_per_s_per_gpu", "usd_per_mtok", "tpot_s", "ttft_s", "concurrency"):
            ours, theirs = (np.asarray(getattr(one, name))[serves] for one in (found, alone))
            assert np.array_equal(ours, theirs), name
        assert np.array_equal(np.asarray(found.tokens_per_s) > 0, serves)
