"""The band around a loss: scatter, draws of the coefficients, and how it grows beyond the fitted range."""

import numpy as np
import pytest

from optimoe.laws.terms.band import BAND_Z, loss_band


def test_without_draws_it_is_the_scatter_and_grows_by_the_decade():
    low, high = loss_band(2.0, 0.01, 0.0)
    assert np.log(high / 2.0) == pytest.approx(0.01645) == np.log(2.0 / low)
    low, high = loss_band(2.0, 0.01, 0.5)
    assert np.log(high / low) == pytest.approx(2 * 3 * 0.01645)
    assert np.isnan(loss_band(2.0, 0.0, 1.0)).all()


def test_draws_add_to_the_scatter_in_squares_on_each_side():
    drawn = 2.0 * np.exp(np.linspace(-0.04, 0.08, 121))  # 5 % quantile −0.034, 95 % 0.074
    low, high = loss_band(2.0, 0.01, 0.0, drawn)
    assert np.log(2.0 / low) == pytest.approx(np.hypot(0.034, BAND_Z * 0.01))
    assert np.log(high / 2.0) == pytest.approx(np.hypot(0.074, BAND_Z * 0.01))


def test_normal_draws_and_normal_scatter_hold_nine_runs_in_ten():
    random = np.random.default_rng(0)
    law, scatter = 0.02 * random.standard_normal(100_000), 0.015 * random.standard_normal(100_000)
    low, high = loss_band(2.0, 0.015, 0.0, 2.0 * np.exp(law[:2000]))
    runs = 2.0 * np.exp(law + scatter)
    assert np.mean((low <= runs) & (runs <= high)) == pytest.approx(0.90, abs=0.01)


def test_draws_that_agree_leave_the_scatter_and_the_growth_beyond_the_range():
    drawn = np.full(50, 2.0)
    assert loss_band(2.0, 0.01, 0.0, drawn) == pytest.approx(loss_band(2.0, 0.01, 0.0))
    assert loss_band(2.0, 0.01, 1.0, drawn) == pytest.approx(loss_band(2.0, 0.01, 1.0))


def test_the_wider_of_growth_and_draws_is_taken():
    wide = 2.0 * np.exp(np.linspace(-0.5, 0.5, 101))
    assert loss_band(2.0, 0.01, 1.0, wide)[1] == pytest.approx(2 * np.exp(np.hypot(0.45, BAND_Z * 0.01)))


def test_draws_on_one_side_of_the_loss_do_not_turn_the_band_over():
    low, high = loss_band(2.0, 0.01, 0.0, np.linspace(2.1, 2.2, 50))
    assert low < 2.0 < high


def test_a_grid_of_designs_has_a_band_for_each():
    loss, drawn = np.array([2.0, 3.0]), np.array([[1.9, 2.9], [2.0, 3.0], [2.1, 3.1]])
    low, high = loss_band(loss, 0.01, np.array([0.0, 1.0]), drawn)
    for row in range(2):
        assert (low[row], high[row]) == pytest.approx(loss_band(loss[row], 0.01, float(row), drawn[:, row]))


def test_the_scatter_is_not_needed_where_there_are_draws():
    low, high = loss_band(2.0, 0.0, 0.0, np.linspace(1.9, 2.1, 101))
    assert (low, high) == pytest.approx((1.91, 2.09))
