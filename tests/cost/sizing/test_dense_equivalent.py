import math
from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.design import DesignTarget, design
from optimoe.cost.serving.estimate import evaluate
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.dense_equivalent import LADDER, dense_ladder, full_dense_equivalent, serving_costs
from tests.cost.cases import MIXTRAL, asked


@pytest.fixture(scope="module")
def ladder():
    return dense_ladder(asked())


def test_a_dense_model_is_its_own_dense_equivalent(ladder):
    node = asked()
    dense = design(DesignTarget(target="params_total", value=LADDER[10]))
    alike = full_dense_equivalent(serving_costs(dense, node), ladder)
    for regime in ("prefill", "slow_decode", "fast_decode", "long_context"):
        assert getattr(alike, regime) == pytest.approx(LADDER[10], rel=0.02)


def test_mixtral_prefills_like_its_active_size_and_too_large_a_model_has_no_size(ladder):
    node = asked()
    alike = full_dense_equivalent(serving_costs(MIXTRAL, node), ladder)
    assert 12.9e9 * 0.8 < alike.prefill < 12.9e9 * 1.6
    assert 12.9e9 < alike.fast_decode < 46.7e9
    assert not math.isnan(alike.long_context)
    large = serving_costs(find_model("deepseek-v3"), node)
    assert not large.fits
    assert all(math.isnan(size) for size in vars(full_dense_equivalent(large, ladder)).values())


def test_decoding_slowly_is_bound_by_arithmetic_like_the_active_size_where_the_batch_has_room():
    node = asked(gpus=32)
    costs = serving_costs(find_model("mixtral-8x22b"), node)
    alike = full_dense_equivalent(costs, dense_ladder(node))
    # grouped products reach three quarters of the peak that dense ones reach, and fill tiles besides
    assert 39.2e9 < alike.slow_decode < 1.35 * 39.2e9
    assert costs.slow_decode.arithmetic_s == max(vars(costs.slow_decode).values())
    assert costs.fast_decode.arithmetic_s == min(vars(costs.fast_decode).values())
    assert costs.long_context.attention_s == max(vars(costs.long_context).values())


def test_the_parts_of_a_token_s_cost_are_those_of_the_step():
    node, layouts = asked(), every_layout(MIXTRAL, asked())
    alone = evaluate(
        MIXTRAL,
        replace(node, workload=Workload(input_tokens=1024, output_tokens=256, prefix_hit=1.0)),
        layout=layouts,
        concurrency=np.ones(layouts.tp.shape),
    )
    fits = np.asarray(alone.max_batch >= 1)
    assert serving_costs(MIXTRAL, node).fast_decode.total_s == pytest.approx(np.min(alone.tpot_s[fits]), rel=1e-9)
