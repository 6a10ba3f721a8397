import numpy as np
import pytest

from optimoe.laws.fitting import (
    fit,
    next_runs,
)


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
