"""Krajewski's optimum in size and granularity is the numeric one."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from tests.laws.cases import least


@pytest.mark.parametrize("name", ["krajewski2024-e64-digits", "krajewski2024-e16"])
@pytest.mark.parametrize("F", [1e18, 1e21, 1e25])
def test_krajewski_optimum_is_numeric_and_compute_comes_back(name, F):
    law = find_law(name)
    grain = law.optimal_granularity(F)
    by_grain = {
        G: least(lambda N, G=G: law.loss(law.total_params(N), F / law.train_flops(N, 1.0, G), G))
        for G in (grain / 2, grain, grain * 2)
    }
    assert min(by_grain, key=by_grain.get) == grain
    assert law.optimal_loss(F) == pytest.approx(by_grain[grain], rel=1e-9)
    spent = law.train_flops(law.optimal_params(F), law.optimal_tokens(F), grain)
    assert spent == pytest.approx(F, rel=1e-9)
    assert law.compute_for_params(law.optimal_params(F)) == pytest.approx(F, rel=1e-6)


def test_krajewski_optimum_of_a_grid_is_that_of_each_budget():
    law = find_law("krajewski2024-e64")
    budgets = np.array([1e18, 1e21, 1e24])
    for symbol in ("G_opt", "N_act_opt", "D_opt", "L_opt"):
        grid = law.evaluate(symbol, {"F": budgets})
        np.testing.assert_allclose(grid, [law.evaluate(symbol, {"F": one}) for one in budgets], rtol=1e-12)
