from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.published.yun.cost import (
    LatencyTable,
    ServedFor,
    Stored,
    cost_per_token,
    kv_limited_batch,
    serve_on,
)

STORED = Stored(params=8e9, resident=13e9, mu=0.05)
ASKED = ServedFor(memory_per_gpu=20e9, prompt=161, answer=338, usd_per_gpu_s=1e-3)


def table(gpus, seconds, batches=(0.0, 1e4)):
    """Latencies that do not depend on the batch, half of them prefill."""
    flat, axis = np.full((2, len(batches)), seconds / 2), np.array(batches)
    sizes = np.array([1e9, 1e11])
    return LatencyTable(gpus=gpus, params=sizes, batches=axis, prompts=axis, prefill_s=flat, decode_s=flat)


def test_yun_s_cost_is_the_least_over_gpus():
    """Hand-worked: the table with more GPUs holds more requests."""
    few = kv_limited_batch(20e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    many = kv_limited_batch(80e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    cost = cost_per_token([table(1, 0.1), table(4, 0.1)], STORED, ASKED)
    assert cost == pytest.approx(min(1e-4 / few, 4e-4 / many))
    with pytest.raises(InfeasibleError, match="no number of GPUs"):
        cost_per_token([table(1, 0.1)], replace(STORED, resident=30e9), ASKED)
    with pytest.raises(ConfigError, match=r"params: must be between 1e\+09 and 1e\+11, as measured, got 1e\+12"):
        cost_per_token([table(4, 0.1)], replace(STORED, params=1e12, resident=1e9), ASKED)
    with pytest.raises(InfeasibleError, match="do not fit"):
        kv_limited_batch(1e9, 2e9, 1.0, 1, 1)


def test_a_batch_beyond_the_table_is_refused_and_fewer_requests_are_served():
    """On one GPU the cache holds 7e9/(660 · 0.05 · 4e6) = 53 requests, and the table ends at 50."""
    short = table(1, 0.1, batches=(0.0, 50.0))
    with pytest.raises(ConfigError, match=r"batches: must be between 0 and 50, as measured, got 53\.03"):
        serve_on(short, STORED, ASKED)
    served = serve_on(short, STORED, replace(ASKED, most_requests=40))
    assert served.batch == 40
    assert served.allowed == pytest.approx(kv_limited_batch(20e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338))
    assert served.tokens_per_s == pytest.approx(400)
    assert served.usd_per_token == pytest.approx(2.5e-6)


def test_gpus_without_room_for_one_request_are_refused():
    with pytest.raises(InfeasibleError, match="memory: 1 GPUs hold the weights, but not one request"):
        serve_on(table(1, 0.1), replace(STORED, resident=20e9 - 1), ASKED)


def test_a_latency_table_rises_along_its_axes():
    good = {name: getattr(table(1, 0.1), name) for name in ("params", "prompts", "prefill_s", "decode_s")}
    with pytest.raises(ConfigError, match="batches: must be rising"):
        LatencyTable(gpus=1, batches=np.array([2.0, 1.0]), **good)
