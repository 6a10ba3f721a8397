from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import (
    FitOptions,
    Huber,
    LeastSquares,
    StudentT,
    bootstrap,
    fit,
    predict_band,
    profile,
)
from optimoe.laws.fitting.setup.problem import make_model
from optimoe.laws.runs import Observations
from optimoe.report.words.law_prose import fit_lines
from tests.laws.cases import JOINT_STARTS

REPEATS = 24
NEAR = {"alpha": (0.3,), "beta": (0.3,)}
"""One start near Chinchilla's exponents: intervals are tested here, not the search from many starts."""


@pytest.mark.parametrize("objective", [Huber(), LeastSquares(), StudentT()], ids=lambda objective: objective.name)
def test_intervals_cover_the_planted_truth(planted, objective):
    """A small version of benchmarks/fit_coverage.py: 24 repeats of 5 coefficients."""
    truth = find_law("besiroglu2024").row.coefficients
    hits = {"bootstrap": [], "profile": []}
    for seed in range(REPEATS):
        runs = planted("besiroglu2024", runs=80, noise=0.005, seed=seed)
        fitted = fit(runs, "chinchilla", FitOptions(objective=objective, starts=NEAR))
        for intervals in (
            bootstrap(runs, fitted, resamples=100, seed=seed).intervals(),
            profile(runs, fitted),
        ):
            for name, interval in intervals.items():
                hits[interval.method].append(interval.low <= truth[name] <= interval.high)
    for method, covered in hits.items():
        assert 0.78 <= np.mean(covered) <= 0.99, method


def test_a_profile_of_least_squares_is_the_textbook_interval():
    rng = np.random.default_rng(1)
    law = find_law("besiroglu2024")
    variables = {symbol: np.exp(rng.uniform(17, 24, 400)) for symbol in ("N", "D")}
    runs = Observations(variables=variables, loss=law.loss(**variables) * np.exp(1e-4 * rng.standard_normal(400)))
    options = FitOptions(objective=LeastSquares())
    fitted = fit(runs, "chinchilla", options)
    model = make_model(runs, "chinchilla", options)
    jacobian = model.predict(model.coordinates(fitted.coefficients)[None])[1][0]
    errors = np.sqrt(np.diag(np.linalg.inv(jacobian @ jacobian.T))) * fitted.rmse_log * np.sqrt(400 / 395)
    interval = profile(runs, fitted, names=("alpha",))["alpha"]
    assert (interval.high - interval.low) / 2 == pytest.approx(1.6487 * errors[3], rel=0.01)
    assert interval.std_error == pytest.approx(errors[3], rel=0.01)


def test_a_profile_says_where_the_runs_set_no_limit(planted):
    runs = planted("ludziejewski2025", runs=150, noise=0.003, experts=(1, 2, 4, 8))
    starts = {name: values for name, values in JOINT_STARTS.items() if name != "E_max"}
    fitted = fit(
        runs, "ludziejewski", FitOptions(objective=LeastSquares(), fixed={"E_max": 290.4521}, starts=starts)
    )
    free = replace(fitted, options=FitOptions(objective=LeastSquares()))
    assert profile(runs, free, names=("E_max",))["E_max"].high > 1000


def test_a_cluster_is_drawn_as_a_whole(planted):
    runs = planted("besiroglu2024", runs=60, noise=0.005)
    copies = Observations(
        variables={name: np.tile(column, 10) for name, column in runs.variables.items()},
        loss=np.tile(runs.loss, 10),
        labels={"run": np.tile(np.arange(60).astype(str).astype(object), 10)},
    )
    options = FitOptions(starts=NEAR)
    single, copied = fit(runs, "chinchilla", options), fit(copies, "chinchilla", options)
    alone = bootstrap(runs, single, resamples=300).intervals()["alpha"]
    whole = bootstrap(copies, copied, resamples=300, cluster="run").intervals()["alpha"]
    rows = bootstrap(copies, copied, resamples=300).intervals()["alpha"]
    assert whole.std_error == pytest.approx(alone.std_error, rel=0.3)
    assert rows.std_error < 0.6 * alone.std_error


def test_the_band_of_single_runs_covers_new_runs(planted):
    runs, fresh = (planted("besiroglu2024", runs=200, noise=0.005, seed=seed) for seed in (1, 2))
    fitted = fit(runs, "chinchilla")
    band = predict_band(fitted, bootstrap(runs, fitted, resamples=500), fresh.variables)
    inside = np.mean((band.run_low <= fresh.loss) & (fresh.loss <= band.run_high))
    assert 0.82 <= inside <= 0.97
    truth = find_law("besiroglu2024").loss(**fresh.variables)
    assert np.mean((band.low <= truth) & (truth <= band.high)) > 0.5
    assert (band.run_high - band.run_low > band.high - band.low).all()


def test_bad_requests_are_refused(planted):
    runs = planted("besiroglu2024", noise=0.005)
    fitted = fit(runs, "chinchilla")
    with pytest.raises(UnknownNameError, match="seed"):
        bootstrap(runs, fitted, cluster="seed")
    with pytest.raises(ConfigError, match="level"):
        profile(runs, fitted, level=1.0)


def test_an_interval_has_no_end_where_refits_reach_a_limit_and_one_side_where_the_fit_itself_does(planted):
    runs = planted("besiroglu2024", runs=60, noise=0.004, seed=0)
    free = fit(runs, "chinchilla", FitOptions(objective=LeastSquares(), starts=NEAR))
    bounds = {"alpha": (0.0, free.coefficients["alpha"] * 1.01)}  # above the fit, within its error
    near = fit(runs, "chinchilla", FitOptions(objective=LeastSquares(), starts=NEAR, bounds=bounds))
    interval = bootstrap(runs, near, resamples=80).intervals()["alpha"]
    assert np.isinf(interval.high) and 0 < interval.low < near.coefficients["alpha"]
    bounds = {"alpha": (0.0, free.coefficients["alpha"] * 0.97)}  # below it
    at = fit(runs, "chinchilla", FitOptions(objective=LeastSquares(), starts=NEAR, bounds=bounds))
    drawn = bootstrap(runs, at, resamples=80)
    interval = drawn.intervals(0.9)["alpha"]
    assert at.at_bound == ("alpha",) and np.isinf(interval.high)
    assert interval.low == pytest.approx(np.quantile(drawn.coefficients["alpha"], 0.1))
    assert "at its limit: at least " in dict(fit_lines(at, drawn.intervals(), None))["alpha"]
    fixed = bootstrap(runs, fit(runs, "chinchilla", FitOptions(fixed={"alpha": 0.3}, starts={})), resamples=4)
    assert "alpha" not in fixed.intervals()
