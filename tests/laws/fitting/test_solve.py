import numpy as np
import pytest
from scipy.optimize import minimize

from optimoe.laws.fitting import FitOptions, Huber, fit
from optimoe.laws.fitting.setup.problem import best_of_starts, make_model


def test_the_answer_is_that_of_scipy_run_by_run(planted):
    runs = planted("besiroglu2024", noise=0.01, seed=4)
    fitted = fit(runs, "chinchilla", FitOptions(objective=Huber(delta=1e-2)))
    log_size, log_data, log_loss = np.log(runs.column("N")), np.log(runs.column("D")), np.log(runs.loss)

    def objective(point):
        e, a, b, alpha, beta = point
        residual = np.log(np.exp(e) + np.exp(a - alpha * log_size) + np.exp(b - beta * log_data)) - log_loss
        size = np.abs(residual)
        return np.where(size <= 1e-2, residual**2 / 2, 1e-2 * (size - 5e-3)).sum()

    found = minimize(objective, [0.6, 6, 7.5, 0.35, 0.36], method="Nelder-Mead", options={"maxiter": 4000})
    assert fitted.objective <= found.fun * (1 + 1e-7)


def test_weights_of_zero_and_one_are_a_fit_of_the_subset(planted):
    runs, options = (
        planted("besiroglu2024", noise=0.01),
        FitOptions(starts={"alpha": (0.2, 0.4), "beta": (0.3, 0.5)}),
    )
    taken = np.arange(len(runs)) % 3 > 0
    model = make_model(runs, "chinchilla", options)
    found = best_of_starts(model, options, np.stack([taken, ~taken]).astype(float), model.starts())
    for row, mask in enumerate((taken, ~taken)):
        alone = fit(runs.select(mask), "chinchilla", options)
        assert found.value[row] == pytest.approx(alone.objective, rel=1e-9)
