import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.fitting import FitOptions, LeastSquares, fit, next_runs
from optimoe.laws.fitting.answers.next_runs import affordable, costs_of, grid_of, like_runs, usual_grid


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


def test_no_more_runs_are_chosen_than_were_asked_for(planted):
    runs = planted("besiroglu2024", runs=12, noise=0.005)
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    designs = affordable(like_runs(grid_of(usual_grid(runs, ("N", "D"))), runs), "", 1e22)
    few, many = (next_runs(runs, fitted, designs, costs_of(designs), 1e22, most=most) for most in (2, 6))
    assert len(few.chosen) == 2
    assert many.after <= few.after < few.before


def test_a_grid_reaches_four_times_beyond_the_runs_and_has_their_tokens_per_parameter(planted):
    runs = planted("besiroglu2024")
    grid = usual_grid(runs, ("N", "D"))
    assert grid["N"][-1] == pytest.approx(4 * runs.column("N").max())
    kept = like_runs(grid_of(grid), runs)
    ratio = runs.column("D") / runs.column("N")
    assert (kept["D"] / kept["N"] <= ratio.max() * (1 + 1e-6)).all()
    assert (kept["D"] / kept["N"] >= 2 - 1e-6).all()
    assert 0 < len(kept["N"]) < 81


def test_a_few_values_of_a_variable_stay_as_they_are(planted):
    assert usual_grid(planted("ludziejewski2025", experts=(1, 8)), ("E",))["E"] == (1.0, 8.0)


def test_costs_are_six_n_d_or_a_formula():
    designs = {"N": np.array([1e8, 1e9]), "D": np.array([1e10, 1e10])}
    np.testing.assert_allclose(costs_of(designs), [6e18, 6e19])
    np.testing.assert_allclose(costs_of(designs, "N*D/1e18"), [1, 10])
    with pytest.raises(ConfigError, match="cost: must be positive"):
        costs_of(designs, "N - 1e9")
    with pytest.raises(ConfigError, match="no 6ND"):
        costs_of({"D": designs["D"]})
    with pytest.raises(ConfigError, match="cheapest candidate"):
        affordable(designs, "", 1e18)
