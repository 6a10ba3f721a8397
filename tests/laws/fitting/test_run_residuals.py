"""Runs beside a law."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting.residuals import MOST_LISTED, run_residuals
from optimoe.laws.runs import as_observations


def test_a_run_stands_beside_what_the_law_says_of_it():
    law = find_law("besiroglu2024")
    size, tokens = np.array([1e8, 1e9]), np.array([2e9, 5e10])
    predicted = law.loss(N=size, D=tokens)
    runs = as_observations({"N": size, "D": tokens, "loss": predicted * np.exp([0.01, -0.02])})
    found = run_residuals(runs, law.row)
    assert [one.residual for one in found] == pytest.approx([0.01, -0.02])
    assert (found[1].row, found[1].variables) == (2, {"N": 1e9, "D": 5e10})
    assert found[0].predicted == pytest.approx(predicted[0])


def test_of_very_many_runs_so_many_are_listed_as_a_figure_shows():
    size = np.geomspace(1e8, 1e9, 3 * MOST_LISTED)
    runs = as_observations(
        {"N": size, "D": 20 * size, "loss": find_law("besiroglu2024").loss(N=size, D=20 * size)}
    )
    rows = [one.row for one in run_residuals(runs, find_law("besiroglu2024").row)]
    assert len(rows) == MOST_LISTED and rows[:3] == [1, 4, 7]
