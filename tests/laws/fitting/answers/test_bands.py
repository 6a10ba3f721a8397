"""Bands hold what they promise of planted runs, and say it where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.fitting import (
    FitOptions,
    LeastSquares,
    band_coverage,
    bootstrap,
    fit,
    hold_out_coverage,
    predict_runs,
)

OPTIONS = FitOptions(objective=LeastSquares())


def test_a_band_of_planted_runs_holds_what_it_promises(planted):
    runs = planted("besiroglu2024", noise=0.01)
    covered = band_coverage(runs, "chinchilla", OPTIONS, resamples=100)
    assert covered.rule == "5 folds"
    assert covered.runs == len(runs)
    assert covered.inside == pytest.approx(0.9, abs=0.06)
    # 90 % of normal scatter is 3.29 standard deviations wide, in nats around the mean loss
    assert covered.mean_width == pytest.approx(3.29 * 0.01 * runs.loss.mean(), rel=0.2)
    assert 0 < covered.mean_width_of_law < covered.mean_width
    assert covered.converged


def test_a_band_of_another_regime_does_not_hold_the_large_runs(planted):
    runs = planted("besiroglu2024", noise=0.002)
    large = runs.size >= np.quantile(runs.size, 0.8)
    bent = replace(runs, loss=np.where(large, 1.1 * runs.loss, runs.loss))
    assert hold_out_coverage(bent, "chinchilla", OPTIONS, "top20%", resamples=50).inside < 0.5


def test_folds_that_leave_too_few_runs_are_no_test(planted):
    assert band_coverage(planted("besiroglu2024", runs=6), "chinchilla", OPTIONS) is None


def test_every_run_is_predicted_with_its_bands(planted):
    runs = planted("besiroglu2024", noise=0.01)
    fitted = fit(runs, "chinchilla", OPTIONS)
    band = predict_runs(runs, fitted, bootstrap(runs, fitted, resamples=50))
    assert np.sqrt(np.mean(np.log(band.loss / runs.loss) ** 2)) == pytest.approx(fitted.rmse_log)
    assert (band.run_low < band.low).all()
    assert (band.high < band.run_high).all()
