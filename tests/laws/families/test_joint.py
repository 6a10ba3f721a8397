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


def best_by_hand(law, flops, memory_bytes, tokens):
    """The number of experts with the lowest loss of all shapes that fit, parameters and cache in bf16."""
    best = (float("inf"), 0)
    for experts in (1, 2, 4, 8, 16, 32):
        for width in range(64, 12_288, 64):
            layers = width / 64
            cache = 2 * tokens * layers * width
            if 2 * (law.paper_total(width, experts) + cache) <= memory_bytes:
                active = law.paper_active(width, experts)
                best = min(best, (float(law.loss(active, flops / (6 * active), experts)), experts))
    return best[1]


@pytest.mark.parametrize(("tokens", "experts"), [(1.0, 1), (1e4, 2), (1e5, 32)])
def test_the_cache_is_of_the_memory_that_decides_how_many_experts(tokens, experts):
    law = find_law("ludziejewski2025")
    assert law.memory_optimal_experts(1e22, 10e9, tokens) == best_by_hand(law, 1e22, 10e9, tokens) == experts
