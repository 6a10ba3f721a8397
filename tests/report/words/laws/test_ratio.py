"""The best ratio in words."""

import numpy as np
import pytest

from optimoe.laws.fitting import analyse_ratio
from optimoe.laws.runs import Observations
from optimoe.report.words.laws.ratio import VERDICTS, ratio_lines, ratio_table
from tests.laws.fitting.answers.test_ratio import runs


def said(analysis):
    return "\n".join(f"{label}: {text}" for label, text in ratio_lines(analysis))


@pytest.fixture(scope="module")
def analysis():
    return analyse_ratio(runs(noise=1e-4), resamples=20)


def test_every_group_is_a_row_with_the_published_rule_beside_it(analysis):
    heads, *rows = ratio_table(analysis)
    assert heads[-1] == "Li 2026"
    assert [row[:3] for row in rows[:3]] == [("0.8", f"{flops:.3g}", "6e+08") for flops in (1e18, 1e19, 1e20)]


def test_the_law_in_the_active_share_is_said_with_its_intervals(analysis):
    text = said(analysis)
    assert text.startswith("Verdict: sound")
    assert f"β_r = {analysis.beta0.value:.3f} ({analysis.beta0.low:.3f}–{analysis.beta0.high:.3f})" in text
    assert "nothing is moved here" in text


def test_falls_and_minima_that_no_runs_bracket_are_named():
    assert "r* falls with C at S = 0.8" in said(analyse_ratio(runs(beta0=-0.05), resamples=20))
    table = runs()
    rising = Observations(variables=table.variables, loss=2.5 + 0.1 * np.log(table.variables["r"] / 1e-3) ** 2)
    assert "9 of 9 minima are not bracketed by runs" in said(analyse_ratio(rising, resamples=0))


def test_every_verdict_has_words():
    assert set(VERDICTS) == {"sound", "reduced", "too_few_runs", "ill_conditioned", "at_bound"}
