"""The objective that the residuals call for."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.fitting import Auto, FitOptions, Huber, LeastSquares, StudentT, fit

AUTO = FitOptions(objective=Auto())


def test_normal_residuals_are_fitted_by_least_squares(planted):
    fitted = fit(planted("besiroglu2024", noise=0.01), "chinchilla", AUTO)
    assert fitted.options.objective == LeastSquares()
    assert fitted.residual_scale == pytest.approx(0.01, rel=0.2)


def test_heavy_tails_are_fitted_by_hubers_loss_at_their_own_scale(planted):
    runs = planted("besiroglu2024", noise=0.01)
    wild = np.exp(np.where(np.arange(len(runs)) % 6 == 0, 0.03, 0.0))
    fitted = fit(replace(runs, loss=runs.loss * wild), "chinchilla", AUTO)
    assert isinstance(fitted.options.objective, Huber)
    assert fitted.options.objective.delta == pytest.approx(1.345 * fitted.residual_scale, rel=0.05)


def test_rows_far_out_are_fitted_by_student_t(planted):
    runs = planted("besiroglu2024", noise=0.01)
    wild = np.exp(np.where(np.arange(len(runs)) % 20 == 0, 0.2, 0.0))
    fitted = fit(replace(runs, loss=runs.loss * wild), "chinchilla", AUTO)
    assert fitted.options.objective == StudentT()


def test_an_objective_that_is_stated_stays(planted):
    runs = planted("besiroglu2024", noise=0.01)
    assert fit(runs, "chinchilla").options.objective == Huber(delta=1e-3)
