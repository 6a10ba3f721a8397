import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.cost.layers.layout import Layout, candidate_layouts
from optimoe.cost.serving.estimate import evaluate
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import best_serving, cheapest_serving
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
    assert wide.usd_per_mtok <= tight.usd_per_mtok * 1.02  # the batches tried are 2 % apart at most


def test_fixed_layout_and_concurrency_are_kept():
    estimate = best_serving(MIXTRAL, deployment(8), fixed={"tp": 4, "ep": 1, "pp": 1}, concurrency=10)
    assert (estimate.layout.tp, estimate.layout.dp, estimate.concurrency) == (4, 2, 10)
