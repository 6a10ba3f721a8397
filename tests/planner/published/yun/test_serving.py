"""What Yun 2024's prices rest on."""

import numpy as np
import pytest

from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.planner.published.yun.pools import REQUEST, yun_pools
from optimoe.planner.published.yun.serving import FULL_SHARE, box_of
from optimoe.planner.published.yun.setting import PAPER, YunSetting, yun_law

LAW = yun_law("optimoe2026")
MEMORY = YunSetting(memory_bound=True)


def test_a_large_model_of_many_experts_fills_the_box_and_a_small_one_does_not():
    pool = yun_pools(1e21, LAW, PAPER)[32]
    served = np.flatnonzero(pool.servable)
    by_size = served[np.argsort(pool.params_active[served])]
    small, large = (box_of(pool, int(index)) for index in (by_size[len(by_size) // 4], by_size[-1]))
    assert small.weights_share < FULL_SHARE < large.weights_share < 1
    assert (small.full, large.full) == (False, True)
    assert large.batch < small.batch
    assert large.num_gpus == 8


def test_by_memory_alone_the_price_is_that_of_a_token_s_cache_over_the_room_for_it():
    """Eq. 6 by hand: C0·(2p + n)·hl over the share of G·M0 that weights leave."""
    pool = yun_pools(1e21, LAW, MEMORY)[8]
    gpu = pool.problem.deployments[-1].cluster.accelerator
    index = int(np.flatnonzero(pool.servable)[40])
    spec = pool.grid.at(index)
    weights = 2.0 * count_params(spec).total
    usd = []
    for gpus in (1, 2, 4, 8):
        usable = 0.9 * gpu.memory_bytes  # the share an engine takes, by default
        batch = (gpus * usable - weights) / kv_bytes(spec, REQUEST.mean_context)
        usd.append(gpus / (batch * gpu.memory_bytes_per_s / usable) / 3600 * 1e6 if batch >= 1 else np.inf)
    assert pool.usd_per_mtok[index] == pytest.approx(min(usd), rel=0.05)


def test_by_memory_alone_small_dense_models_cost_in_proportion_to_their_cache():
    pool = yun_pools(1e21, LAW, MEMORY)[1]
    cache = np.asarray(kv_bytes(pool.grid, REQUEST.mean_context))
    small = (pool.params_active > 3e8) & (pool.params_active < 1e9)
    per_byte = pool.usd_per_mtok[small] / cache[small]
    assert per_byte.max() / per_byte.min() < 1.02
