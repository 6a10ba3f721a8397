"""One output of a law, in lines."""

from dataclasses import replace

import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.domain import Reach, reach
from optimoe.laws.evidence import Evidence
from optimoe.laws.prediction import LawPrediction
from optimoe.report.words.laws.prediction import prediction_lines

ROW = find_law("besiroglu2024").row


def found(output="L", value=2.0, unit="nats/token", **others):
    given = {"meaning": "Loss.", "reach": Reach(placed=(), unstated=("N",))}
    return LawPrediction(output=output, value=value, unit=unit, **given | others)


def test_a_loss_has_its_band_and_a_fitted_law_its_verdict():
    fitted = replace(ROW, evidence=Evidence(verdict="at_bound", at_bound=("E",)))
    lines = prediction_lines(fitted, found(low=1.9, high=2.1, band="90 %, by its scatter"))
    assert lines[0] == ("L", "2 nats/token  (1.9 – 2.1, 90 %, by its scatter)")
    assert lines[-1] == ("Fit", "at bound: E")
    assert "Band" not in dict(lines)


def test_what_has_no_band_says_so():
    lines = dict(prediction_lines(ROW, found("N_opt", 1e9, "parameters")))
    assert lines["N_opt"] == "1e+09 parameters"
    assert lines["Is"] == "Loss."
    assert lines["Band"].startswith("not known")


def test_every_answer_says_its_range_domain_and_status():
    beyond = reach({"D": 1e14}, ROW.range, ())
    lines = dict(prediction_lines(ROW, found(reach=beyond)))
    assert lines["Range"] == "beyond its range: D 100T, fitted to 400B (2.4 decades)"
    assert lines["Ranks"] == ROW.domain.words
    assert lines["Law"].startswith("besiroglu2024, verified: ")


@pytest.mark.parametrize(
    ("unit", "bound", "words"),
    [
        ("", "", "32"),
        ("4 d / d_expert", "", "32 (4 d / d_expert)"),
        ("experts", "at least", "at least 32 experts, where the search ends"),
    ],
)
def test_a_bound_and_a_unit_are_said(unit, bound, words):
    assert prediction_lines(ROW, found("E_opt", 32, unit, bound=bound))[0] == ("E_opt", words)
