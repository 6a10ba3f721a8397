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


@pytest.mark.parametrize("c_r", [0.0, 6.0, 14.0])
@pytest.mark.parametrize("G", [1.0, 16.0, 256.0])
def test_the_best_loss_of_one_granularity_is_the_numeric_one_with_its_routing_paid(c_r, G):
    law, F = find_law("krajewski2024-e64"), 1e20
    numeric = least(lambda N: law.loss(law.total_params(N), F / law.train_flops(N, 1.0, G, c_r), G))
    at = {symbol: law.evaluate(f"{symbol}_at_G", {"F": F, "G": G, "c_r": c_r}) for symbol in ("L", "N_act", "D")}
    assert at["L"] == pytest.approx(numeric, rel=1e-9)
    assert law.train_flops(at["N_act"], at["D"], G, c_r) == pytest.approx(F, rel=1e-9)


def test_routing_cost_ends_the_gain_of_finer_experts_and_later_for_larger_budgets():
    law, grains = find_law("krajewski2024-e64"), 2.0 ** np.arange(9)
    best = []
    for F in (1e18, 1e20, 1e22):
        paid = law.evaluate("L_at_G", {"F": F, "G": grains})
        free = law.evaluate("L_at_G", {"F": F, "G": grains, "c_r": 0.0})
        assert (np.diff(free) < 0).all()
        assert (paid > free).all()
        best.append(grains[paid.argmin()])
        assert best[-1] == law.evaluate("G_opt", {"F": F})
    assert best == [8, 16, 32]
