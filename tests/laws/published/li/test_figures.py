"""The figures of Li 2026: from synthetic runs, and from any others with the same columns."""

import re

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.published.figures import FIGURES
from optimoe.laws.published.li.figures import LI_FIGURES, best_ratio_by_budget, loss_by_ratio
from optimoe.laws.published.li.runs import synthetic_runs, true_law
from optimoe.laws.runs import Observations


@pytest.fixture(scope="module")
def figures():
    return {key: make() for key, make in LI_FIGURES.items()}


def series_of(figure):
    return {one.name: one for one in figure.series}


def numbers(text):
    return [float(one) for one in re.findall(r"RMSE of ln L (\d\.\d+)", text)]


def test_every_figure_says_first_that_its_runs_are_synthetic(figures):
    assert FIGURES["li2026"].items() >= LI_FIGURES.items()
    assert list(figures) == ["1", "2a", "2b", "2c", "3", "4", "5", "b3", "eq2"]
    for key, figure in figures.items():
        assert figure.key == key
        assert figure.notes[0].startswith("synthetic runs: ") or key == "eq2"
        assert LI_FIGURES[key].__doc__


def test_the_loss_has_a_valley_in_the_ratio_whose_bottom_moves_up_with_the_budget(figures):
    bottom = series_of(figures["1"])["minimum of the parabola"]
    assert list(bottom.x) == sorted(bottom.x)
    for name, one in series_of(figures["1"]).items():
        if name != "minimum of the parabola":
            assert len(one.x) == 7
            lowest = int(np.argmin(one.y))
            assert one.y[0] > one.y[lowest] < one.y[-1] or lowest == 6


def test_the_best_ratios_lie_around_the_planted_rule(figures):
    shown, rule = series_of(figures["2a"]), find_law("li2026-rstar")
    for S in (0.8235, 0.9091, 0.9538, 0.9767):
        points = shown[f"S = {S:.4g}"]
        expected = rule.evaluate("r_star", {"S": S, "C": np.array(points.x)})
        assert abs(np.mean(np.log(np.array(points.y) / expected))) < 0.05
        assert all(
            low <= value <= high for low, value, high in zip(points.low, points.y, points.high, strict=True)
        )
    assert any("only above 5.4e+18 FLOP" in note for note in figures["2a"].notes)


@pytest.mark.parametrize(("key", "planted"), [("2b", (6.7e-5, -1.23)), ("2c", (0.24, 0.21))])
def test_the_printed_powers_of_the_active_share_lie_in_the_intervals(figures, key, planted):
    note = next(note for note in figures[key].notes if note.startswith(("alpha0", "beta0")))
    ends = [tuple(map(float, pair)) for pair in re.findall(r"\((-?[\d.e-]+) to (-?[\d.e-]+)\)", note)]
    for (low, high), value in zip(ends, planted, strict=True):
        assert low <= value <= high


def test_a_sparsity_that_was_held_out_is_predicted_within_the_noise(figures):
    held = next(note for note in figures["3"].notes if note.startswith("held out: 140 runs at S = 0.9767"))
    assert numbers(held)[0] < 0.0012
    assert any("built in" in note for note in figures["3"].notes)


def test_a_training_curve_meets_the_law_when_its_rate_has_decayed(figures):
    shown = series_of(figures["4"])
    above = np.array(shown["curve"].y) - np.array(shown["law"].y)
    assert above[:15].min() > 0.015 > abs(above[-1])
    assert "550M" in figures["4"].title


def test_forms_that_do_not_see_the_ratio_carry_it_as_error(figures):
    found = {note.split(":")[0]: numbers(note)[0] for note in figures["5"].notes if "held-out runs" in note}
    assert list(found) == ["wang", "abnar", "li2026"]
    assert min(found["wang"], found["abnar"]) > 5 * found["li2026"]


def test_runs_of_anybody_make_the_same_figures():
    columns = {name: column for name, column in synthetic_runs().variables.items() if name != "N_total"}
    exact = true_law().loss(**{name: columns[name] for name in ("N", "D", "S", "r", "C")})
    kept = (columns["N"] == 1e8) & (columns["E"] != 128)
    runs = Observations(variables=columns, loss=np.asarray(exact)).select(kept)
    shown = series_of(best_ratio_by_budget(runs))
    assert {name[:10] for name in shown} == {"S = 0.8235", "S = 0.9091", "S = 0.9538"}
    assert len(loss_by_ratio(runs).series) == 5
