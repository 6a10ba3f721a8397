import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.catalog import find_law


@given(C=st.floats(16.0, 22.0).map(lambda decades: 10.0**decades), E=st.sampled_from([17.0, 65.0, 129.0]))
def test_li_ratio_and_compute_come_back(C, E):
    law = find_law("li2026-rstar")
    assert law.compute_at_ratio(E, law.best_ratio(E, C)) == pytest.approx(C, rel=1e-9)


@given(p=st.floats(0.2, 3.0), q=st.floats(0.2, 3.0), C=st.floats(0.5, 20.0))
def test_li_stationary_ratio_is_a_minimum(p, q, C):
    law = find_law("li2026-rstar")

    def cost(r):
        return (C / (1 + r)) ** -p + (C * r / (1 + r)) ** -q

    best = law.stationary_ratio(1.0, 1.0, p, q, C)
    assert cost(best) <= min(cost(best * 1.01), cost(best / 1.01))
