"""One output of a law, in lines."""

from dataclasses import replace
from math import nan

from optimoe.laws.catalog import find_law
from optimoe.laws.evidence import Evidence
from optimoe.report.words.laws.prediction import prediction_lines

ROW = find_law("besiroglu2024").row


def test_a_loss_has_its_band_and_a_fitted_law_its_verdict():
    fitted = replace(ROW, evidence=Evidence(verdict="at_bound", at_bound=("E",)))
    lines = prediction_lines(fitted, "L", 2.0, (1.9, 2.1))
    assert lines[0] == ("L", "2  (1.9 – 2.1, 90 %)")
    assert lines[-1] == ("Fit", "at bound: E")


def test_what_has_no_band_has_none():
    assert prediction_lines(ROW, "N_opt", 1e9, None)[0] == ("N_opt", "1e+09")
    assert prediction_lines(ROW, "L", 2.0, (nan, nan))[0] == ("L", "2")
    assert [label for label, _ in prediction_lines(ROW, "L", 2.0, None)] == ["L", "Law"]
