"""Closed optima are the numeric ones, and compute and loss invert each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.terms.optimum import find_minimum, find_root
from optimoe.laws.terms.saturation import saturated_experts

COMPUTE = st.floats(18.0, 27.0).map(lambda decades: 10.0**decades)
CHINCHILLA = ["hoffmann2022-unrounded", "besiroglu2024", "sardana2024-rall", "krajewski2024-dense"]


def least(loss):
    """The lowest loss over sizes, searched without any closed form."""
    sizes = np.linspace(5, 16, 600)
    start = sizes[np.argmin(loss(10**sizes))]
    return minimize_scalar(lambda s: loss(10**s), bounds=(start - 0.05, start + 0.05), method="bounded").fun


@pytest.mark.parametrize("name", CHINCHILLA)
@given(C=COMPUTE)
def test_chinchilla_optimum_is_numeric_and_compute_comes_back(name, C):
    law = find_law(name)
    loss = law.optimal_loss(C)
    assert loss == pytest.approx(least(lambda N: law.loss(N, C / (6 * N))), rel=1e-9)
    assert law.compute_for_loss(loss) == pytest.approx(C, rel=1e-6)
    assert law.compute_for_params(law.optimal_params(C)) == pytest.approx(C, rel=1e-9)


@given(C=COMPUTE, E=st.sampled_from([1.0, 4.0, 32.0]))
def test_joint_optimum_is_numeric_and_compute_comes_back(C, E):
    law = find_law("ludziejewski2025")
    loss = law.optimal_loss(C, E)
    assert loss == pytest.approx(least(lambda N: law.loss(N, C / (6 * N), E)), rel=1e-9)
    assert law.compute_for_loss(loss, E) == pytest.approx(C, rel=1e-6)


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


def test_tian_best_granularity_has_the_most_leverage():
    law = find_law("tian2025-el")
    best = law.optimal_granularity()
    assert law.leverage(0.03, best, 1e21) > law.leverage(0.03, best * np.array([0.5, 2.0]), 1e21).max()


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


@pytest.mark.parametrize("name", ["clark2022-sbase-digits", "clark2022-rlr-digits", "clark2022-hash-digits"])
def test_clark_effective_size_cutoff_and_slopes(name):
    law = find_law(name)
    E = np.array([2.0, 8.0, 64.0])
    np.testing.assert_allclose(law.loss(law.effective_params(1e9, E), 1.0), law.loss(1e9, E), rtol=1e-12)
    cutoff = law.cutoff()
    assert (law.relative(0.9 * cutoff, E) < 1).all()
    assert (law.relative(1.1 * cutoff, E) > 1).all()
    np.testing.assert_allclose(law.effective_params(cutoff, E), cutoff, rtol=1e-9)
    slope = -np.log(law.loss(1.01e9, 8.0) / law.loss(0.99e9, 8.0)) / np.log(1.01 / 0.99)
    assert law.params_slope(8.0) == pytest.approx(slope, rel=1e-9)


@given(base=st.sampled_from(CHINCHILLA[:2]), D_inf=st.floats(10.0, 13.0).map(lambda d: 10.0**d))
def test_lifetime_optimum_costs_least(base, D_inf):
    law, dense = find_law("sardana2024-objective"), find_law(base)
    size = law.params(base, 7e9, D_inf)
    target = dense.loss(7e9, dense.tokens_for_params(7e9))

    def cost(N):
        return N * (6 * dense.curve(N=N).tokens(target) + 2 * D_inf)

    assert cost(size) <= min(cost(size * 1.01), cost(size / 1.01))


@given(value=st.floats(-8.0, 8.0))
def test_roots_and_minima_are_found_for_every_element(value):
    targets = 10.0 ** np.array([value, -value])
    np.testing.assert_allclose(find_root(lambda x: x - targets, 1e-12, 1e12, like=targets), targets)
    found = find_minimum(lambda x: np.log(x / targets) ** 2, 1e-12, 1e12, like=targets)
    np.testing.assert_allclose(found, targets, rtol=1e-6)


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


def test_a_memory_that_holds_no_shape_is_refused():
    with pytest.raises(ConfigError, match="memory_bytes: must be enough for the smallest shape"):
        find_law("ludziejewski2025").memory_optimal_experts(1e21, 1e6, 16_000.0)


@given(low=st.floats(1.0, 10.0), factor=st.floats(1.0, 1e4))
def test_saturated_experts_run_from_their_start_to_their_most(low, factor):
    high = low * factor
    experts = saturated_experts(np.array([1.0, 2.0, 64.0, 1e15]), low, high)
    assert experts[0] == pytest.approx(low)
    assert experts[-1] == pytest.approx(high, rel=1e-6)
    assert (np.diff(experts) >= -1e-9 * high).all()
