import math

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.design import DesignTarget, design
from optimoe.core.errors import InfeasibleError
from optimoe.cost.sizing.dense_equivalent import LADDER, dense_ladder, full_dense_equivalent
from tests.cost.cases import MIXTRAL, asked


@pytest.fixture(scope="module")
def ladder():
    return dense_ladder(asked())


def test_a_dense_model_is_its_own_dense_equivalent(ladder):
    node = asked()
    alike = full_dense_equivalent(design(DesignTarget(target="params_total", value=LADDER[10])), node, ladder)
    for regime in ("prefill", "slow_decode", "fast_decode", "long_context"):
        assert getattr(alike, regime) == pytest.approx(LADDER[10], rel=0.02)


def test_mixtral_prefills_like_its_active_size_and_too_large_a_model_is_refused(ladder):
    node = asked()
    alike = full_dense_equivalent(MIXTRAL, node, ladder)
    assert 12.9e9 * 0.8 < alike.prefill < 12.9e9 * 1.6
    assert 12.9e9 < alike.fast_decode < 46.7e9
    assert not math.isnan(alike.long_context)
    with pytest.raises(InfeasibleError, match="does not fit"):
        full_dense_equivalent(find_model("deepseek-v3"), node, ladder)
