"""The joint law's closed optimum is the numeric one; memory limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from tests.laws.cases import COMPUTE, least


@given(C=COMPUTE, E=st.sampled_from([1.0, 4.0, 32.0]))
def test_joint_optimum_is_numeric_and_compute_comes_back(C, E):
    law = find_law("ludziejewski2025")
    loss = law.optimal_loss(C, E)
    assert loss == pytest.approx(least(lambda N: law.loss(N, C / (6 * N), E)), rel=1e-9)
    assert law.compute_for_loss(loss, E) == pytest.approx(C, rel=1e-6)


def test_a_memory_that_holds_no_shape_is_refused():
    with pytest.raises(ConfigError, match="memory_bytes: must be enough for the smallest shape"):
        find_law("ludziejewski2025").memory_optimal_experts(1e21, 1e6, 16_000.0)
