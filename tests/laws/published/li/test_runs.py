"""Synthetic runs on Li's grid: made up, and said to be."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.published.li.runs import NOISE_LOG, RATIOS, synthetic_curve, synthetic_runs, true_law


def test_the_grid_is_that_of_the_paper_as_far_as_it_is_printed():
    columns = synthetic_runs().variables
    assert set(columns["E"]) == {16, 32, 64, 128}
    assert sorted({f"{100 * S:.2f}" for S in columns["S"]}) == ["82.35", "90.91", "95.38", "97.67"]
    assert (columns["N"].min(), columns["N"].max()) == (2e7, 2e8)
    assert (columns["r"].min(), columns["r"].max()) == (0.2, 1.5)
    np.testing.assert_allclose(columns["C"], 6 * columns["N"] * columns["D"])


def test_the_runs_scatter_around_the_true_law_by_the_stated_noise():
    runs = synthetic_runs()
    exact = true_law().loss(**{name: runs.variables[name] for name in ("N", "D", "S", "r", "C")})
    assert np.std(np.log(runs.loss / exact)) == pytest.approx(NOISE_LOG, rel=0.1)


def test_the_runs_are_the_same_every_time():
    np.testing.assert_array_equal(synthetic_runs.__wrapped__(0).loss, synthetic_runs().loss)
    assert (synthetic_runs.__wrapped__(1).loss != synthetic_runs().loss).any()


def test_the_planted_rule_for_the_ratio_is_the_printed_one():
    rule = find_law("li2026-rstar")
    for experts in (16.0, 128.0):
        printed = rule.evaluate("r_star", {"S": 1 - 3 / (experts + 1), "C": 1e20})
        assert true_law().evaluate("r_star", {"S": 1 - 3 / (experts + 1), "C": 1e20}) == pytest.approx(printed)


def test_a_factor_e_off_the_best_ratio_costs_some_hundredths_of_a_nat():
    columns = synthetic_runs().variables
    at = {name: columns[name] for name in ("N", "D", "S", "C")}
    best = true_law().best_ratio(at["S"], at["C"])
    rise = true_law().loss(r=best * np.e, **at) - true_law().loss(r=best, **at)
    assert 0.01 < rise.min() < rise.max() < 0.04
    assert len(RATIOS) == 7


def test_the_curve_is_of_thirty_of_550_million_parameters_and_ends_on_the_law():
    curve = synthetic_curve()
    columns, loss = curve.observations.variables, curve.observations.loss
    share = 3 / 129
    assert columns["N"][0] * (1 + columns["r"][0] / share) / (1 + columns["r"][0]) == pytest.approx(5.5e8)
    above = loss - true_law().loss(**columns)
    assert above[:15].min() > 0.02
    assert abs(above[-1]) < 0.01
    assert "assumed" in curve.notes[0]
