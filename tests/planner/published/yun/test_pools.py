"""Yun 2024's designs: its shapes, its count of sizes, its GPUs."""

import numpy as np
import pytest

from optimoe.arch.params import count_params
from optimoe.arch.parts import DenseFFN
from optimoe.planner.published.yun.pools import with_budget, yun_pools, yun_problem
from optimoe.planner.published.yun.setting import CHANGES, PAPER, SHALLOW, SIXTEEN, YunSetting, yun_law

LAW = yun_law("optimoe2026")


@pytest.mark.parametrize(("experts", "ratio"), [(4, 2.00), (8, 3.33), (16, 6.00), (32, 11.33)])
def test_every_design_stores_what_their_appendix_says_to_the_printed_digits(experts, ratio):
    pool = yun_pools(1e21, LAW)[experts]
    stored = np.asarray(count_params(pool.grid).nonembedding) / pool.params_active
    assert np.unique(np.round(stored, 2)) == pytest.approx([ratio])


def test_every_second_feed_forward_is_routed_with_a_key_value_head_for_each_head():
    pool = yun_pools(1e21, LAW)[8]
    dense, routed = pool.grid.layers
    assert np.array_equal(dense.num_layers, routed.num_layers)
    assert isinstance(dense.ffn, DenseFFN)
    assert np.array_equal(dense.ffn.d_ff * 3, 8 * pool.shapes.d_model)
    assert np.array_equal(routed.mixer.num_kv_heads, routed.mixer.num_heads)
    assert np.array_equal(routed.mixer.num_heads % 8, np.zeros_like(pool.shapes.d_model))


def test_shapes_are_as_deep_as_those_of_their_table_1():
    shapes = yun_pools(1e21, LAW)[4].shapes
    aspect = shapes.d_model / shapes.num_layers
    assert 64 <= aspect.min() < aspect.max() <= 96
    assert {(768, 12), (1536, 16)} <= set(zip(shapes.d_model.tolist(), shapes.num_layers.tolist(), strict=True))


def test_the_cheapest_of_one_to_eight_gpus_serves():
    assert [one.cluster.num_gpus for one in yun_problem(1e21, LAW).deployments] == [1, 2, 4, 8]
    assert [one.cluster.num_gpus for one in yun_problem(1e21, LAW, SIXTEEN).deployments] == [1, 2, 4, 8, 16]


def test_16_gpus_never_cost_more_and_a_smaller_model_never_needs_them():
    eight, more = yun_pools(1e21, LAW, PAPER)[32], yun_pools(1e21, LAW, SIXTEEN)[32]
    served = eight.servable
    assert np.all(more.usd_per_mtok[served] <= eight.usd_per_mtok[served])
    assert more.servable.sum() > served.sum()


def test_a_budget_changes_the_tokens_alone():
    pool = yun_pools(1e21, LAW)[4]
    twice = with_budget(pool, 2e21)
    assert twice.affordable_tokens == pytest.approx(2 * pool.affordable_tokens)
    assert twice.usd_per_mtok is not None
    assert np.array_equal(twice.usd_per_mtok, pool.usd_per_mtok)


@pytest.mark.parametrize("words", CHANGES)
def test_every_single_change_gives_designs_of_other_numbers(words):
    changed, paper = yun_pools(1e21, LAW, CHANGES[words])[16], yun_pools(1e21, LAW)[16]
    same_price = np.array_equal(changed.usd_per_mtok, paper.usd_per_mtok)
    assert not same_price or not np.array_equal(changed.params_active, paper.params_active)


def test_shallower_shapes_are_as_deep_as_mixtral_at_least():
    shapes = yun_pools(1e21, LAW, YunSetting(aspects=SHALLOW))[4].shapes
    aspect = shapes.d_model / shapes.num_layers
    assert 96 <= aspect.min() < aspect.max() <= 128
