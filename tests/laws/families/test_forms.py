"""Li's loss under our reading of R: where its valley lies, what is given, what its runs can tell."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from optimoe.arch.flops import train_flops_per_token
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InputError
from optimoe.laws.catalog import find_family, find_law, find_published_law, save_law
from optimoe.laws.compare import compare
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.runs import Observations
from tests.laws.cases import LI
from tests.laws.designs import SHARED

RULE = find_law("li2026-rstar").row.coefficients


def law(**changed):
    return find_family("li2026")(replace(LI.row, coefficients={**LI.row.coefficients, **changed}))


def least_ratio(one, **at):
    found = minimize_scalar(
        lambda log_r: one.loss(r=np.exp(log_r), **at), bounds=(-4, 4), method="bounded", options={"xatol": 1e-9}
    )
    return float(np.exp(found.x))


@pytest.mark.parametrize("S", [0.5, 0.8235, 0.9767])
def test_without_d_the_least_loss_lies_at_the_rule_of_the_paper(S):
    at = {"N": 1e8, "D": 1e11, "S": S, "C": 6e19}
    expected = RULE["alpha0"] * (1 - S) ** RULE["alpha1"] * 6e19 ** (RULE["beta0"] * (1 - S) ** RULE["beta1"])
    assert least_ratio(law(d=0.0), **at) == pytest.approx(expected, rel=1e-6)


def test_d_moves_the_valley_as_the_docstring_says():
    at = {"N": 1e8, "D": 1e11, "S": 0.9, "C": 6e19}
    one = law(d=0.002, kappa=0.3)
    best, c = one.best_ratio(0.9, 6e19), one.coefficients
    third = c["c"] * 0.1 ** c["gamma"] * 1e8 ** -c["lambda_"]
    moved = -c["d"] * best / ((1 + best) ** 2 * 2 * c["kappa"] * third)
    assert np.log(least_ratio(one, **at) / best) == pytest.approx(moved, rel=0.02)


def test_flops_left_out_are_those_of_the_active_part_of_a_total_size():
    N, D, S, r = 1e9, 1e11, 0.9, 0.8
    active = N * (1 + r) / (1 + r / (1 - S))
    assert law().loss(N, D, S, r) == pytest.approx(law().loss(N, D, S, r, C=6 * active * D), rel=1e-12)


def runs(one, count=150, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    columns = {
        "N": np.exp(rng.uniform(*np.log((2e7, 2e9)), count)),
        "D": np.exp(rng.uniform(*np.log((1e9, 1e12)), count)),
        "S": rng.choice([0.8235, 0.9091, 0.9538, 0.9767], count),
        "r": np.exp(rng.uniform(*np.log((0.2, 1.5)), count)),
    }
    loss = one.loss(**columns) * np.exp(noise * rng.standard_normal(count))
    return Observations(variables=columns, loss=loss)


def test_a_fit_takes_the_rule_of_the_paper_and_says_so():
    fitted = fit(runs(law()), "li2026", FitOptions(objective=LeastSquares()))
    assert fitted.verdict == "sound"
    assert {name: fitted.coefficients[name] for name in RULE} == pytest.approx(RULE, rel=1e-12)
    assert fitted.free == 10
    assert "alpha0, alpha1, beta0, beta1: those of li2026-rstar, not fitted" in fitted.law.notes
    assert fitted.unidentified == dict.fromkeys(RULE, "that of li2026-rstar")


def test_the_rule_is_found_from_the_losses_where_it_is_freed_and_d_given():
    planted = law(alpha0=2e-4, alpha1=-0.9, beta0=0.2, beta1=0.15, d=0.0)
    free = {"alpha0": (6.7e-5,), "alpha1": (-1.23,), "beta0": (0.24,), "beta1": (0.21,)}
    options = FitOptions(objective=LeastSquares(), starts=free, fixed={"d": 0.0})
    fitted = fit(runs(planted), "li2026", options)
    assert {name: fitted.coefficients[name] for name in RULE} == pytest.approx(
        {name: planted.coefficients[name] for name in RULE}, rel=1e-4
    )


def test_a_limit_frees_one_coefficient_of_the_rule_alone():
    planted = law(alpha0=1e-4)
    options = FitOptions(objective=LeastSquares(), bounds={"alpha0": (1e-6, 1e-2)})
    fitted = fit(runs(planted), "li2026", options)
    assert fitted.coefficients["alpha0"] == pytest.approx(1e-4, rel=1e-3)
    assert fitted.coefficients["alpha1"] == pytest.approx(RULE["alpha1"], rel=1e-12)


def test_one_sparsity_cannot_tell_the_third_term_from_the_first():
    one = runs(law())
    one = one.select(one.variables["S"] == 0.9767)
    fitted = fit(one, "li2026", FitOptions(objective=LeastSquares()))
    assert fitted.verdict != "sound"


def test_the_form_has_no_coefficients_and_the_printed_ones_stay_refused():
    form = find_published_law("li2026-reading")
    assert not form.row.coefficients
    assert "this reading is ours" in form.row.notes
    with pytest.raises(ConfigError, match="fit the form to runs"):
        form.evaluate("L", {"N": 1e8, "D": 1e10, "S": 0.9, "r": 1.0})
    with pytest.raises(InputError, match="inconsistent"):
        find_published_law("li2026-loss").evaluate("L", {"N": 1e8, "D": 1e10, "S": 0.9, "r": 1.0, "R": 0.0})


def test_a_fitted_law_is_asked_about_a_design_with_its_own_ratio_and_flops(tmp_path):
    fitted = fit(runs(law()), "li2026", FitOptions(objective=LeastSquares(), n_convention="total"))
    save_law(fitted.law, tmp_path / "mine.toml")
    mine = find_law(str(tmp_path / "mine.toml"))
    inputs = mine.arch_inputs(SHARED, 1e10)
    assert inputs["S"] == pytest.approx(1 - 8 / 66)
    assert inputs["N"] == count_params(SHARED).total
    assert inputs["C"] == pytest.approx(1e10 * train_flops_per_token(SHARED, 4096))
    (opinion,) = compare(SHARED, 1e10, [str(tmp_path / "mine.toml")]).opinions
    assert opinion.loss == pytest.approx(float(mine.loss(**inputs)))
    assert np.isnan(opinion.dense_loss)  # without experts there is no ratio
    assert mine.arch_loss(SHARED, 1e10) == pytest.approx(float(mine.loss(**inputs)))
