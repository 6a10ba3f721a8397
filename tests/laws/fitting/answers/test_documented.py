"""A fit with all that was found out about it, as one law and one file."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.fitting import FitOptions, bootstrap, documented, fit, hold_out
from optimoe.laws.fitting.answers.documented import MOST_DRAWS
from optimoe.laws.fitting.intervals import Resamples
from optimoe.laws.runs import as_observations


@pytest.fixture
def fitted(planted):
    runs = planted("besiroglu2024", runs=60, noise=0.005)
    return runs, fit(runs, "chinchilla", FitOptions(n_convention="total"))


def test_a_law_file_has_what_the_fit_knows_and_reads_back_to_the_bit(fitted, tmp_path):
    runs, found = fitted
    test, drawn = hold_out(runs, "chinchilla", "top20%"), bootstrap(runs, found, resamples=50)
    row = documented(found, drawn, test, date="2026-11-28", command="optimoe laws fit runs.csv")
    save_law(row, tmp_path / "mine.toml")
    back = find_law(str(tmp_path / "mine.toml")).row
    assert back == row
    evidence = back.evidence
    assert (evidence.verdict, evidence.runs, evidence.condition) == ("sound", 60, found.condition)
    assert (evidence.holdout.rule, evidence.holdout.rmse_log) == ("top20%", test.rmse_log)
    assert (evidence.cluster, evidence.date) == ("row", "2026-11-28")
    assert {len(values) for values in back.draws.values()} == {50}
    assert np.array_equal(back.draws["alpha"], drawn.coefficients["alpha"])


def test_the_verdict_is_there_without_draws_and_tests(fitted):
    row = documented(fitted[1])
    assert row.evidence.verdict == "sound"
    assert row.evidence.objective == "huber(delta=0.001) on ln L"
    assert row.draws == {}


def test_a_file_holds_so_many_draws_and_none_that_no_law_can_be(fitted):
    _, found = fitted
    draws = 300
    columns = {name: np.linspace(0.9, 1.1, draws) * value for name, value in found.coefficients.items()}
    columns["alpha"] = np.where(np.arange(draws) == 7, -0.1, columns["alpha"])
    columns["B"] = np.where(np.arange(draws) == 8, np.inf, columns["B"])
    columns["E"] = np.full(draws, 1.7)
    row = documented(found, Resamples(coefficients=columns, residual=np.zeros(60), cluster="seed", converged=1.0))
    assert set(row.draws) == {"A", "B", "alpha", "beta"}  # E does not vary
    assert {len(values) for values in row.draws.values()} == {MOST_DRAWS}
    assert min(row.draws["alpha"]) > 0
    assert np.isfinite(row.draws["B"]).all()
    assert row.evidence.cluster == "seed"


def test_rows_left_out_are_counted_by_reason_and_the_first_are_named(planted):
    runs = planted("besiroglu2024", runs=40, noise=0.001)
    table = {**runs.variables, "loss": runs.loss.copy(), "run": [f"r{row}" for row in range(40)]}
    table["loss"][[3, 5]] = np.nan
    table["status"] = ["finished"] * 39 + ["crashed"]
    found = fit(as_observations(table, bad_rows="exclude"), "chinchilla")
    evidence = found.law.evidence
    assert evidence.excluded == {"loss is nan": 2, "status is crashed": 1}
    assert "row 4 (r3): loss is nan" in evidence.excluded_rows
    assert evidence.runs == 37


def test_what_is_at_a_bound_is_named_in_the_file(planted):
    runs = planted("besiroglu2024", runs=60)
    bare = replace(runs, loss=runs.loss - find_law("besiroglu2024").coefficients["E"])
    evidence = fit(bare, "chinchilla").law.evidence
    assert (evidence.verdict, evidence.at_bound) == ("at_bound", ("E",))
    assert evidence.words == "at bound: E"
    assert not evidence.usable
