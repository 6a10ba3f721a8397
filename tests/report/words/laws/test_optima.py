"""The best size at equal FLOPs in words."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import analyse_isoflop, find_frontier
from optimoe.laws.runs import Observations
from optimoe.report.words.laws.optima import frontier_lines, frontier_table, isoflop_lines, isoflop_table

LAW = find_law("besiroglu2024").row


@pytest.fixture(scope="module")
def analysis():
    """Seven sizes around the optimum at three budgets, on Besiroglu's law."""
    law = find_law("besiroglu2024")
    flops = np.repeat([1e19, 1e20, 1e21], 7)
    params = law.optimal_params(flops) * np.tile(np.exp(np.linspace(-1, 1, 7)), 3)
    tokens = flops / (6 * params)
    runs = Observations(variables={"N": params, "D": tokens}, loss=law.loss(N=params, D=tokens))
    return analyse_isoflop(runs, [LAW], resamples=20)


def test_every_budget_is_a_row_with_the_parabola_and_every_law(analysis):
    heads, *rows = isoflop_table(analysis)
    assert heads == ("Budget", "Runs", "N (parabola)", "Tokens", "Loss", "besiroglu2024")
    assert [row[0] for row in rows] == ["1e+19", "1e+20", "1e+21"]


def test_exponents_are_said_with_their_intervals_and_the_bias_of_parabolas(analysis):
    lines = dict(isoflop_lines(analysis, {"besiroglu2024": "sound"}))
    assert lines["Parabola"].startswith(f"N ∝ C^{analysis.params.value:.3f} ({analysis.params.low:.3f}–")
    assert "would be off by" in lines["besiroglu2024"]
    assert "fit: at_bound" in dict(isoflop_lines(analysis, {"besiroglu2024": "at_bound"}))["besiroglu2024"]


def test_budgets_without_a_minimum_are_named(analysis):
    outside = replace(analysis.budgets[0], inside=False)
    words = isoflop_lines(replace(analysis, budgets=(outside, *analysis.budgets[1:])), {})
    assert any("outside the sizes at 1e+19" in text for _, text in words)


def test_a_frontier_says_its_powers_its_draws_and_what_lies_beyond_the_range():
    row = replace(LAW, draws={"alpha": (0.33, 0.35, 0.36)}, range={"N": (1e6, 1e9)})
    found = find_frontier(row, [1e20, 1e24])
    rows = frontier_table(found)
    assert rows[2][0] == "1e+24"
    assert rows[1][-1] == "" or "decades" in rows[1][-1]
    assert "decades" in rows[2][-1]
    ((_, text),) = frontier_lines(found)
    assert text.endswith("3 draws")
    ((_, bare),) = frontier_lines(find_frontier(LAW, [1e20]))
    assert "one budget: no exponents" in bare
    assert "no intervals" in bare
