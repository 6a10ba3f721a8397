"""Chinchilla's closed optimum is the numeric one; tied exponents are Chinchilla's with two that are equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.runs import Observations
from tests.laws.cases import CHINCHILLA, COMPUTE, TIED, form, least

OPTIMA = [*(find_law(name) for name in CHINCHILLA), TIED]
UNTIED = form("chinchilla", E=1.7, A=300.0, B=450.0, alpha=0.28, beta=0.28)


@pytest.mark.parametrize("law", OPTIMA, ids=lambda law: law.name)
@given(C=COMPUTE)
def test_the_closed_optimum_is_numeric_and_compute_comes_back(law, C):
    loss = law.optimal_loss(C)
    assert loss == pytest.approx(least(lambda N: law.loss(N, C / (6 * N))), rel=1e-9)
    assert law.compute_for_loss(loss) == pytest.approx(C, rel=1e-6)
    assert law.compute_for_params(law.optimal_params(C)) == pytest.approx(C, rel=1e-9)


@given(C=COMPUTE, M=st.floats(0.0, 4.0).map(lambda decades: 10.0**decades))
def test_compute_and_tokens_per_parameter_are_another_way_to_write_the_tied_law(C, M):
    params = (C / (6 * M)) ** 0.5
    assert TIED.loss_at(C, M) == pytest.approx(TIED.loss(params, M * params), rel=1e-12)


@given(C=COMPUTE)
def test_the_best_tokens_per_parameter_of_tied_exponents_do_not_move_with_the_budget(C):
    best = TIED.optimal_ratio()
    assert TIED.optimal_tokens(C) / TIED.optimal_params(C) == pytest.approx(best, rel=1e-9)
    assert TIED.loss_at(C, best) <= TIED.loss_at(C, best * np.array([0.8, 1.25])).min()


@given(C=COMPUTE)
def test_tied_exponents_are_chinchillas_where_those_are_equal(C):
    N = UNTIED.optimal_params(C)
    assert TIED.optimal_params(C) == pytest.approx(N, rel=1e-12)
    assert TIED.loss(N, 3 * N) == pytest.approx(UNTIED.loss(N, 3 * N), rel=1e-12)
    assert TIED.gradient(N, 3 * N)["eta"] == pytest.approx(
        sum(UNTIED.gradient(N, 3 * N)[name] for name in ("alpha", "beta")), rel=1e-12
    )


def test_the_tied_family_is_the_fit_of_chinchilla_with_its_exponents_tied():
    runs = overtrained(np.random.default_rng(0), SIZES, (20.0, 160.0, 640.0), noise=0.005)
    family = fit(runs, "tied", FitOptions(objective=LeastSquares()))
    option = fit(runs, "chinchilla", FitOptions(objective=LeastSquares(), tied={"alpha": "beta"}))
    assert option.coefficients["alpha"] == option.coefficients["beta"]
    assert family.coefficients["eta"] == pytest.approx(option.coefficients["beta"], rel=1e-6)
    assert family.rmse_log == pytest.approx(option.rmse_log, rel=1e-9)


@given(C=st.floats(19.0, 22.0).map(lambda decades: 10.0**decades))
def test_farseers_optimum_is_the_lowest_loss_of_a_budget(C):
    law = find_law("farseer2025-code")
    best = law.optimal_params(C)
    lowest = law.loss(best, C / (6 * best))
    for factor in (0.5, 2.0):
        assert lowest <= law.loss(factor * best, C / (6 * factor * best))
    assert law.optimal_ratio(C) == pytest.approx(C / (6 * best**2), rel=1e-9)


def test_code_wants_more_tokens_per_parameter_the_larger_the_budget():
    law = find_law("farseer2025-code")
    assert law.optimal_ratio(1e22) > law.optimal_ratio(1e20) > 20
    assert np.isnan(law.optimal_params(1e24))  # its floor falls to zero: no optimum far above its runs


SEEDS = 40
SIZES, LARGER = np.geomspace(1.1e7, 4.11e8, 4), np.array([1.4e9, 7e9])


def overtrained(rng, sizes, ratios, noise):
    """Runs at every size and ratio of tokens to parameters, on the planted law."""
    N, ratio = (grid.ravel() for grid in np.meshgrid(sizes, ratios))
    loss = TIED.loss(N, ratio * N) * np.exp(noise * rng.standard_normal(N.size))
    return Observations(variables={"N": N, "D": ratio * N}, loss=loss)


def test_tied_exponents_extrapolate_better_on_over_trained_runs_with_equal_exponents():
    """Over 40 seeds; by size and ratio, and where tying is wrong: benchmarks/tied_exponents.py."""
    rng, found = np.random.default_rng(0), {"tied": [], "chinchilla": []}
    larger = overtrained(rng, LARGER, (20.0, 640.0), noise=0.0)
    for _ in range(SEEDS):
        runs = overtrained(rng, SIZES, (20.0, 640.0), noise=0.005)
        for family, errors in found.items():
            law = find_family(family)(fit(runs, family, FitOptions(objective=LeastSquares())).law)
            errors.append(np.abs(np.log(law.loss(**larger.variables) / larger.loss)))
    tied, untied = np.array(found["tied"]), np.array(found["chinchilla"])
    assert np.sqrt(np.mean(tied**2)) < 0.9 * np.sqrt(np.mean(untied**2))
    assert np.median(tied) < np.median(untied)
    assert np.mean(tied < untied) > 0.6
