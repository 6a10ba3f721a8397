"""Optima of laws in sparsity and active share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.catalog import find_law
from tests.laws.cases import least


@pytest.mark.parametrize(
    ("S", "N", "N_active", "loss"), [(0.0, 6.4e8, 6.4e8, 2.589), (0.98, 1.7e10, 3.4e8, 2.271)]
)
def test_abnar_prefers_more_sparsity_at_fixed_compute(S, N, N_active, loss):
    law = find_law("abnar2025")
    best = law.optimal_params(1e20, S)
    assert best == pytest.approx(N, rel=0.02)
    assert best * (1 - S) == pytest.approx(N_active, rel=0.02)
    assert law.optimal_loss(1e20, S) == pytest.approx(loss, abs=5e-4)
    assert law.optimal_loss(1e20, S) == pytest.approx(
        least(lambda n: law.loss(n, 1e20 / (6 * n * (1 - S)), S)), rel=1e-9
    )


@given(N=st.floats(10.0, 12.0).map(lambda decades: 10.0**decades))
def test_zhao_best_share_and_experts_are_where_the_loss_is_lowest(N):
    law = find_law("zhao2025")
    G, S = law.optimal_active_experts(), law.optimal_shared_share()
    best = law.loss(N, 1e12, N * law.optimal_share(N, G, S), G, S)
    assert best == pytest.approx(least(lambda n: law.loss(N, 1e12, n, G, S)), rel=1e-9)
    share = law.optimal_share(N, G, S)
    for factor in (1.2, 1 / 1.2):
        assert law.loss(N, 1e12, N * share, G * factor, S) > best
        assert law.loss(N, 1e12, N * share, G, S * factor) > best
    assert law.excess(N, share, G, S) == pytest.approx(0, abs=1e-12)
