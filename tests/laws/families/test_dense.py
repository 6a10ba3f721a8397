"""Chinchilla's closed optimum is the numeric one."""

import pytest
from hypothesis import given

from optimoe.laws.catalog import find_law
from tests.laws.cases import CHINCHILLA, COMPUTE, least


@pytest.mark.parametrize("name", CHINCHILLA)
@given(C=COMPUTE)
def test_chinchilla_optimum_is_numeric_and_compute_comes_back(name, C):
    law = find_law(name)
    loss = law.optimal_loss(C)
    assert loss == pytest.approx(least(lambda N: law.loss(N, C / (6 * N))), rel=1e-9)
    assert law.compute_for_loss(loss) == pytest.approx(C, rel=1e-6)
    assert law.compute_for_params(law.optimal_params(C)) == pytest.approx(C, rel=1e-9)
