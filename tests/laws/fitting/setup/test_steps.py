"""Refits of a long table as single steps."""

import numpy as np
import pytest

from optimoe.laws.fitting import FitOptions, Huber, LeastSquares, StudentT, bootstrap, fit
from optimoe.laws.fitting.setup import steps
from optimoe.laws.fitting.setup.steps import bundled

STEPPED = "optimoe.laws.fitting.intervals.LARGE_TABLE"


@pytest.mark.parametrize(
    ("objective", "off", "spread"),
    [(LeastSquares(), 0.05, 0.01), (StudentT(), 0.15, 0.05), (Huber(delta=0.01), 0.1, 0.03)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_step_lands_where_the_refit_ends(planted, monkeypatch, objective, off, spread):
    runs = planted("besiroglu2024", runs=12_000, noise=0.01)
    fitted = fit(runs, "chinchilla", FitOptions(objective=objective))
    monkeypatch.setattr(STEPPED, len(runs))
    monkeypatch.setattr(steps, "BUNDLES", len(runs))  # every row is drawn alone, as by the refits
    whole = bootstrap(runs, fitted, resamples=50).coefficients
    monkeypatch.setattr(STEPPED, 1000)
    stepped = bootstrap(runs, fitted, resamples=50).coefficients
    for name, refits in whole.items():
        error = refits.std()
        assert np.abs(stepped[name] - refits).max() < off * error
        assert stepped[name].std() == pytest.approx(error, rel=spread)


def test_bundles_of_rows_vary_as_rows_do(planted, monkeypatch):
    runs = planted("besiroglu2024", runs=8000, noise=0.01)
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    monkeypatch.setattr(STEPPED, 1000)
    rows = bootstrap(runs, fitted, resamples=1000).coefficients
    monkeypatch.setattr(steps, "BUNDLES", 500)
    bundles = bootstrap(runs, fitted, resamples=1000).coefficients
    for name, values in rows.items():  # standard deviations of 1,000 draws are known to 2 %, of 500 bundles to 3 %
        assert bundles[name].std() == pytest.approx(values.std(), rel=0.15)


def test_clusters_stay_whole(planted, monkeypatch):
    monkeypatch.setattr(steps, "BUNDLES", 10)
    groups = np.repeat(np.arange(25), 4)
    bundles = bundled(groups, seed=0)
    assert set(bundles) == set(range(10))
    assert all(len(set(bundles[groups == group])) == 1 for group in range(25))
    assert bundled(groups[:40], seed=0).tolist() == groups[:40].tolist()


def test_a_coordinate_at_its_limit_stays_there(planted, monkeypatch):
    runs = planted("besiroglu2024", runs=2000, noise=0.01)
    fitted = fit(runs, "chinchilla", FitOptions(bounds={"alpha": (0.0, 0.3)}))
    assert fitted.at_bound == ("alpha",)
    monkeypatch.setattr(STEPPED, 1000)
    np.testing.assert_allclose(bootstrap(runs, fitted, resamples=20).coefficients["alpha"], 0.3)
