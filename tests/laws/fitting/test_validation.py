import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.fitting import (
    FitOptions,
    LeastSquares,
    compare_families,
    hold_out,
    leave_one_out,
)
from optimoe.laws.fitting.validation import held_rows
from optimoe.laws.runs import Observations
from tests.laws.cases import JOINT_STARTS


def test_the_largest_fifth_is_predicted_from_the_rest(planted):
    test = hold_out(planted("besiroglu2024", runs=100, noise=0.004), "chinchilla", "top20%")
    assert (test.fitted_runs, test.held_runs) == (80, 20)
    assert test.rmse_log < 0.01
    assert test.converged


def test_held_out_losses_do_not_touch_the_fit(planted):
    runs = planted("besiroglu2024", runs=100, noise=0.004)
    held = held_rows(runs, "size > 1e21")
    spoiled = Observations(variables=runs.variables, loss=np.where(held, 2 * runs.loss, runs.loss))
    honest, other = (hold_out(table, "chinchilla", "size > 1e21") for table in (runs, spoiled))
    assert other.coefficients == pytest.approx(honest.coefficients, rel=1e-6)
    assert other.bias_log == pytest.approx(honest.bias_log - np.log(2), abs=1e-6)


def test_a_number_of_experts_never_seen_is_predicted(planted):
    tests = leave_one_out(
        planted("ludziejewski2025", runs=140), "ludziejewski", "E", FitOptions(starts=JOINT_STARTS)
    )
    assert [test.rule for test in tests] == [f"E = {float(2**k)}" for k in range(7)]
    assert sum(test.held_runs for test in tests) == 140
    assert max(test.rmse_log for test in tests) < 1e-6


def test_many_values_are_cut_into_rungs(planted):
    tests = leave_one_out(planted("besiroglu2024", noise=0.004), "chinchilla", "size")
    assert len(tests) == 8
    assert sum(test.held_runs for test in tests) == 120


def test_cross_validation_prefers_the_family_the_runs_came_from(planted):
    runs = planted("ludziejewski2025", runs=70, noise=0.003)
    both = Observations(variables=runs.variables | {"N": runs.column("N_act")}, loss=runs.loss)
    options = FitOptions(objective=LeastSquares())
    best, second = compare_families(both, ["chinchilla", "ludziejewski"], folds=3, options=options)
    assert (best.family, second.family) == ("ludziejewski", "chinchilla")
    assert best.cv_rmse_log + 3 * best.cv_std_error < second.cv_rmse_log


@pytest.mark.parametrize("rule", ["top0%", "top100%", "topmost%", "D > 1", "D < 1", "__import__('os')"])
def test_a_rule_that_makes_no_sense_is_refused(planted, rule):
    with pytest.raises(ConfigError):
        hold_out(planted("besiroglu2024"), "chinchilla", rule)


def test_families_are_scored_by_folds_by_information_and_on_larger_runs(planted):
    runs = planted("besiroglu2024", noise=0.01)
    tied, free = sorted(
        compare_families(runs, ["tied", "chinchilla"], folds=5, holdout="top20%"),
        key=lambda score: score.coefficients,
    )
    assert (tied.coefficients, free.coefficients) == (4, 5)
    # AIC counts 2 and BIC ln n a number, with the scale 5 and 6 of them; AIC adds 2k(k + 1)/(n − k − 1)
    few = 2 * 6 * 7 / (120 - 7) - 2 * 5 * 6 / (120 - 6)
    assert (free.bic - tied.bic) - (free.aic - tied.aic) == pytest.approx(np.log(120) - 2 - few)
    assert free.held_rmse_log > 0
    assert free.held_converged
    assert free.cv_converged == 1
    assert np.isnan(compare_families(runs, ["chinchilla"], folds=3)[0].held_rmse_log)
