import numpy as np
import pytest

from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.published.yun import LatencyTable, cost_per_token, kv_limited_batch


def test_yun_s_cost_is_the_least_over_gpus():
    """Hand-worked: latencies that do not depend on the batch; the table with more GPUs holds more requests."""

    def table(gpus, seconds):
        flat = np.full((2, 2), seconds / 2)
        axis = np.array([1e9, 1e11])
        return LatencyTable(gpus=gpus, params=axis, batches=np.array([0.0, 1e4]), prefill_s=flat, decode_s=flat)

    options = {"params": 8e9, "resident": 13e9, "memory_per_gpu": 20e9, "mu": 0.05, "prompt": 161, "answer": 338}
    few = kv_limited_batch(20e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    many = kv_limited_batch(80e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    cost = cost_per_token([table(1, 0.1), table(4, 0.1)], usd_per_gpu_s=1e-3, **options)
    assert cost == pytest.approx(min(1e-4 / few, 4e-4 / many))
    with pytest.raises(InfeasibleError, match="no number of GPUs"):
        cost_per_token([table(1, 0.1)], usd_per_gpu_s=1e-3, **options | {"resident": 30e9})
    with pytest.raises(ConfigError, match="as measured"):
        cost_per_token([table(4, 0.1)], usd_per_gpu_s=1e-3, **options | {"params": 1e12, "resident": 1e9})
    with pytest.raises(InfeasibleError, match="do not fit"):
        kv_limited_batch(1e9, 2e9, 1.0, 1, 1)
    with pytest.raises(ConfigError, match="batches"):
        LatencyTable(
            gpus=1,
            params=np.array([1.0]),
            batches=np.array([2.0, 1.0]),
            prefill_s=np.ones((1, 2)),
            decode_s=np.ones((1, 2)),
        )
