import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.curves import CONTEXTS, against_context, curves, speed_frontier
from optimoe.cost.sizing.fleet import longest_context
from optimoe.cost.sizing.layouts import best_serving
from tests.cost.cases import LLAMA, MIXTRAL, asked


def test_curves_of_what_serves_nowhere_say_what_binds():
    with pytest.raises(InfeasibleError, match="tpot: the limit"):
        speed_frontier(MIXTRAL, asked(limits=Limits(tpot_s=1e-5)))
    with pytest.raises(InfeasibleError, match=r"memory: 93\.4 GB"):
        speed_frontier(MIXTRAL, asked(1))


def test_no_point_of_the_frontier_beats_another():
    points = speed_frontier(MIXTRAL, asked(limits=Limits(ttft_s=1.0))).points
    users, gpus = ([getattr(point, name) for point in points] for name in ("tpot_s", "tokens_per_s_per_gpu"))
    assert (np.diff(users) >= 0).all()
    assert (np.diff(gpus) > 0).all()
    assert all(point.ttft_s <= 1.0 and point.concurrency <= point.max_batch for point in points)
    cheapest = best_serving(MIXTRAL, asked(limits=Limits(ttft_s=1.0)))
    assert gpus[-1] <= cheapest.tokens_per_s_per_gpu * (1 + 1e-9)


def test_longer_prompts_are_dearer_and_stop_where_memory_does(monkeypatch):
    monkeypatch.setattr("optimoe.cost.sizing.curves.CONTEXTS", CONTEXTS[::2])
    priced = against_context(LLAMA, asked(1))
    assert priced[-1][0] + 1024 <= LLAMA.max_context
    prices = [estimate.usd_per_mtok for _, estimate in priced]
    assert (np.diff(prices) > 0).all()
    assert priced[-1][0] <= longest_context(LLAMA, asked(1), 1).tokens
    drawn = curves(LLAMA, asked(1))
    assert drawn.by_context == tuple(priced)
    assert len(drawn.by_batch) > 5
