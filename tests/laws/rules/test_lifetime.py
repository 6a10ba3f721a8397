"""Sizes that cost least over training and serving."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.catalog import find_law
from tests.laws.cases import CHINCHILLA


@given(base=st.sampled_from(CHINCHILLA[:2]), D_inf=st.floats(10.0, 13.0).map(lambda d: 10.0**d))
def test_lifetime_optimum_costs_least(base, D_inf):
    law, dense = find_law("sardana2024-objective"), find_law(base)
    size = law.params(base, 7e9, D_inf)
    target = dense.loss(7e9, dense.tokens_for_params(7e9))

    def cost(N):
        return N * (6 * dense.curve(N=N).tokens(target) + 2 * D_inf)

    assert cost(size) <= min(cost(size * 1.01), cost(size / 1.01))


def test_optima_take_grids():
    objective, joint = find_law("sardana2024-objective"), find_law("ludziejewski2025")
    sizes, served = np.array([[1e9], [7e9]]), np.array([0.0, 1e11, 1e13])
    grid = objective.params("besiroglu2024", sizes, served)
    assert grid.shape == (2, 3)
    np.testing.assert_allclose(grid[:, 0], sizes[:, 0], rtol=1e-6)
    assert (np.diff(grid, axis=1) < 0).all()
    assert grid[1, 2] == pytest.approx(objective.params("besiroglu2024", 7e9, 1e13), rel=1e-12)
    saved = joint.flops_saving(1.1e9, np.array([1.0, 2.0, 4.0]))
    assert saved[0] == pytest.approx(0, abs=1e-12)
    assert saved[1] == pytest.approx(0.357, abs=1e-3)
