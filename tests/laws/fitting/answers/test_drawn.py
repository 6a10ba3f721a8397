"""Laws at their draws, and numbers with the intervals that draws give them."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.fitting import drawn_law
from optimoe.laws.fitting.answers.drawn import estimate, exponent, with_draws

FLOPS = np.array([1e19, 1e20, 1e21])


def test_an_exponent_is_the_slope_of_logarithms_with_the_interval_of_its_draws():
    powers = np.linspace(0.4, 0.6, 101)
    draws = FLOPS ** powers[:, None]
    found = exponent(FLOPS, FLOPS**0.5, draws, 0.9)
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.41, 0.59), abs=1e-6)


def test_draws_without_an_optimum_at_a_budget_use_the_others():
    draws = np.array([[1e8, np.nan, 1e10], [1e8, 1e9, 1e10], [np.nan, np.nan, 1e10]])
    found = exponent(FLOPS, np.array([1e8, 1e9, 1e10]), draws, 0.9)
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))
    assert np.isnan(exponent(FLOPS[:1], np.array([1e8]), np.empty((0, 1)), 0.9).value)


def test_an_interval_of_few_draws_is_none():
    assert np.isnan(estimate(1.0, np.array([1.0, np.nan, np.nan, np.nan]), 0.9).low)
    assert np.isnan(estimate(1.0, np.empty(0), 0.9).high)


def test_a_law_is_evaluated_at_its_coefficients_first_and_at_every_draw():
    row = replace(find_law("besiroglu2024").row, draws={"alpha": (0.3, 0.4)})
    loss = with_draws(row).loss(N=np.array([1e9, 1e10]), D=1e11)
    assert loss.shape == (3, 2)
    np.testing.assert_allclose(loss[0], find_law("besiroglu2024").loss(N=np.array([1e9, 1e10]), D=1e11))


def test_a_law_has_its_own_draws_or_those_of_its_scatter_or_none(tmp_path):
    row = replace(find_law("besiroglu2024").row, name="mine", status="fitted", draws={"alpha": (0.33, 0.35, 0.36)})
    save_law(row, tmp_path / "mine.toml")
    assert drawn_law(str(tmp_path / "mine.toml"), 50).draws == {"alpha": (0.33, 0.35, 0.36)}
    assert len(drawn_law("besiroglu2024", 20).draws["alpha"]) == 20
    assert drawn_law("besiroglu2024", 0).draws == {}
    with pytest.raises(InputError, match="wang"):
        drawn_law("wang2024", 20)
