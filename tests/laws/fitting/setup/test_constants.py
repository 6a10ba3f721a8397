"""Variables that do not vary reduce the family, and say it."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, fit, hold_out
from optimoe.laws.fitting.setup.constants import hold_untold
from optimoe.laws.runs import Observations


def at_one(runs, symbol, law):
    """The runs with one value of a variable."""
    variables = runs.variables | {symbol: np.full(len(runs), np.median(runs.variables[symbol]))}
    return replace(runs, variables=variables, loss=find_law(law).loss(**variables))


def test_runs_whose_variables_vary_leave_the_family_as_it_is(planted):
    options = FitOptions()
    assert hold_untold(planted("ludziejewski2025"), "ludziejewski", options) is options


@pytest.mark.parametrize(("symbol", "factor", "exponent"), [("D", "B", "beta"), ("N", "A", "alpha")])
def test_a_term_of_a_constant_variable_goes_into_the_floor(planted, symbol, factor, exponent):
    runs = at_one(planted("besiroglu2024"), symbol, "besiroglu2024")
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    truth = find_law("besiroglu2024").row.coefficients
    term = truth[factor] / runs.variables[symbol][0] ** truth[exponent]
    assert fitted.verdict == "reduced"
    assert {held.coefficient for held in fitted.held} == {factor, exponent}
    assert fitted.coefficients[factor] == 0
    assert fitted.coefficients["E"] == pytest.approx(truth["E"] + term, rel=1e-6)
    assert f"{symbol} is" in fitted.law.notes
    assert set(fitted.unidentified) == {factor, exponent}


def test_a_constant_number_of_experts_leaves_a_dense_law(planted):
    runs = planted("ludziejewski2025", experts=(64,))
    fitted = fit(runs, "ludziejewski", FitOptions(objective=LeastSquares()))
    law = find_law("ludziejewski2025")
    assert {held.coefficient for held in fitted.held} == {"delta", "gamma", "omega", "zeta", "E_start", "E_max"}
    assert [fitted.coefficients[name] for name in ("delta", "gamma", "omega", "zeta")] == [0, 0, 0, 0]
    assert fitted.coefficients["alpha"] == pytest.approx(law.mu(64), rel=1e-5)
    assert fitted.coefficients["beta"] == pytest.approx(law.nu(64), rel=1e-5)


def test_what_the_rows_that_are_left_do_not_vary_is_held_in_a_hold_out(planted):
    runs = planted("ludziejewski2025", experts=(1, 64))
    test = hold_out(runs, "ludziejewski", "E == 64", FitOptions(objective=LeastSquares()))
    assert {"delta", "omega"} <= {held.coefficient for held in test.held}
    assert test.rmse_log > 0.01


def test_one_ratio_of_two_sizes_leaves_a_law_of_one_size():
    law = find_law("besiroglu2024")
    random = np.random.default_rng(0)
    sizes, tokens = np.exp(random.uniform(18, 22, 60)), np.exp(random.uniform(22, 25, 60))
    variables = {"N_act": sizes, "N_total": 8 * sizes, "D": tokens}
    runs = Observations(variables=variables, loss=law.loss(N=sizes, D=tokens))
    fitted = fit(runs, "expansion", FitOptions(objective=LeastSquares()))
    assert {held.coefficient for held in fitted.held} == {"rho", "x_max"}
    assert all("N_total/N_act is 8 in every run" in held.reason for held in fitted.held)
    assert fitted.coefficients["alpha"] == pytest.approx(law.row.coefficients["alpha"], rel=1e-5)
    varied = replace(runs, variables=variables | {"N_total": sizes * np.where(sizes > 1e9, 8, 16)})
    assert hold_untold(varied, "expansion", FitOptions()).held == ()
