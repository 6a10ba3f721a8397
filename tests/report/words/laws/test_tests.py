"""Families compared, runs to do next and training curves in words."""

import numpy as np

from optimoe.laws.fitting import LossCurve, NextRuns, Score
from optimoe.report.words.laws.tests import (
    curve_table,
    curves_lines,
    curves_table,
    next_runs_table,
    scores_lines,
    scores_table,
)


def score(family, error, **others):
    usual = {
        "coefficients": 5, "cv_std_error": 0.002, "cv_converged": 1.0, "held_rmse_log": float("nan"),
        "held_converged": True, "rmse_log": 0.01, "aic": 12.0, "bic": 20.0, "verdict": "sound",
    }  # fmt: skip
    return Score(family=family, cv_rmse_log=error, **(usual | others))


def test_families_stand_side_by_side_and_a_close_race_is_said():
    scores = (score("one", 0.010), score("two", 0.011, aic=15.0, verdict="at_bound"))
    heads, first, second = scores_table(scores)
    assert "Held out" not in heads
    assert (first[0], second[0]) == ("one", "two")
    assert second[heads.index("ΔAIC")] == "3.0"
    words = scores_lines(scores)
    assert any("two: within a standard error of one" in text for _, text in words)
    assert any("not sound on all runs: two" in text for _, text in words)


def test_folds_and_hold_outs_that_did_not_converge_are_marked():
    (heads, row) = scores_table((score("one", 0.01, cv_converged=0.8, held_rmse_log=0.02, held_converged=False),))
    assert "(20% not converged)" in row[heads.index("Folds")]
    assert row[heads.index("Held out")] == "0.02000 (not converged)"


def test_chosen_runs_stand_in_the_order_of_choosing():
    found = NextRuns(chosen=(1, 0), cost=3.0, before=0.2, after=0.1)
    designs = {"N": np.array([1e8, 2e9])}
    rows = next_runs_table(found, designs, np.array([1.0, 2.0]), np.array([3.0, 2.5]))
    assert rows[1:] == [("1", "2.00B", "2", "2.5000"), ("2", "100M", "1", "3.0000")]


def test_a_curve_says_its_scale_its_shape_and_where_it_ends():
    tokens, predicted = np.geomspace(1e9, 1e11, 50), np.full(50, 2.5)
    curve = LossCurve(
        run="mine",
        tokens=tokens,
        measured=predicted * 1.02,
        predicted=predicted,
        log_ratio=np.full(50, np.log(1.02)),
    )
    (_, row) = curves_table([curve])
    assert row == ("mine", "50", "100B", "2.5500", "2.5000", "+0.0198", "0.0000", "never")
    assert "+0.0198" in dict(curves_lines([curve]))["Scale"]
    assert len(curve_table(curve)) == 21
