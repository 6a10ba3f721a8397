import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import (
    analyse_isoflop,
    compare_families,
    fit,
    hold_out,
    leave_one_out,
    loss_curve,
    next_runs,
)
from optimoe.laws.fitting.validation import held_rows
from optimoe.laws.runs import Observations


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
    tests = leave_one_out(planted("ludziejewski2025", runs=140), "ludziejewski", "E")
    assert [test.rule for test in tests] == [f"E = {float(2**k)}" for k in range(7)]
    assert sum(test.held_runs for test in tests) == 140
    assert max(test.rmse_log for test in tests) < 1e-6


def test_many_values_are_cut_into_rungs(planted):
    tests = leave_one_out(planted("besiroglu2024", noise=0.004), "chinchilla", "size")
    assert len(tests) == 8
    assert sum(test.held_runs for test in tests) == 120


def test_cross_validation_prefers_the_family_the_runs_came_from(planted):
    runs = planted("ludziejewski2025", noise=0.003)
    both = Observations(variables=runs.variables | {"N": runs.column("N_act")}, loss=runs.loss)
    best, second = compare_families(both, ["chinchilla", "ludziejewski"], folds=5)
    assert (best.family, second.family) == ("ludziejewski", "chinchilla")
    assert best.cv_rmse_log + 3 * best.cv_std_error < second.cv_rmse_log


@pytest.mark.parametrize("rule", ["top0%", "top100%", "topmost%", "D > 1", "D < 1", "__import__('os')"])
def test_a_rule_that_makes_no_sense_is_refused(planted, rule):
    with pytest.raises(ConfigError):
        hold_out(planted("besiroglu2024"), "chinchilla", rule)


@pytest.fixture
def isoflop_runs():
    """Seven sizes around the optimum at each of four budgets, on Besiroglu's law."""
    law = find_law("besiroglu2024")
    flops = np.repeat([1e19, 1e20, 1e21, 1e22], 7)
    params = law.optimal_params(flops) * np.tile(np.exp(np.linspace(-1, 1.5, 7)), 4)
    tokens = flops / (6 * params)
    return Observations(variables={"N": params, "D": tokens}, loss=law.loss(N=params, D=tokens))


def test_parabolas_are_biased_by_the_amount_they_state(isoflop_runs):
    law = find_law("besiroglu2024")
    analysis = analyse_isoflop(isoflop_runs, fit(isoflop_runs, "chinchilla").law)
    assert len(analysis.budgets) == 4
    for budget in analysis.budgets:
        optimum = law.optimal_params(budget.train_flops)
        assert budget.params_direct == pytest.approx(optimum, rel=1e-5)
        assert np.log(budget.params_parabola / optimum) == pytest.approx(budget.bias_log, abs=1e-5)
        assert abs(budget.bias_log) > 1e-3
    assert analysis.exponent_direct == pytest.approx(law.params_exponent(), abs=1e-5)


def test_a_training_curve_stands_beside_the_law(isoflop_runs):
    runs = Observations(
        variables=isoflop_runs.variables,
        loss=isoflop_runs.loss * 1.01,
        labels={"run": np.array([f"run{number // 7}" for number in range(28)], dtype=object)},
    )
    curve = loss_curve(runs, find_law("besiroglu2024").row, "run2")
    assert (np.diff(curve.tokens) > 0).all()
    np.testing.assert_allclose(curve.log_ratio, np.log(1.01))
    with pytest.raises(ConfigError, match="run"):
        loss_curve(runs, find_law("besiroglu2024").row, "run9")


@pytest.mark.parametrize("criterion", ["D", "I", "decision"])
def test_chosen_runs_shrink_the_spread_more_than_others_of_the_same_cost(planted, criterion):
    runs = planted("besiroglu2024", runs=40, noise=0.005)
    fitted = fit(runs, "chinchilla")
    params, tokens = (grid.ravel() for grid in np.meshgrid(np.logspace(8, 10, 6), np.logspace(9, 11, 6)))
    costs = 6 * params * tokens

    def choose(rows):
        return next_runs(
            runs,
            fitted,
            {"N": params[rows], "D": tokens[rows]},
            costs[rows],
            3e20,
            criterion=criterion,
            targets={"N": np.array([7e10]), "D": np.array([1.4e12])},
            decision=lambda law: np.log(law.optimal_params(1e24)),
        )

    best, some = choose(np.arange(36)), choose(np.arange(0, 36, 5))
    assert best.cost <= 3e20
    assert len(set(best.chosen)) == len(best.chosen)
    assert best.after < best.before
    assert best.after <= some.after
