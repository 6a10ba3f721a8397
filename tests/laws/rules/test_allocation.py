"""Frontiers of budgets: what is printed is answered, what is not is asked for in vain."""

import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from tests.laws.designs import SWITCH


def test_a_frontier_answers_what_its_authors_printed_and_refuses_the_rest():
    marin = find_law("marin2026-aug")
    assert marin.optimal_loss(1e22) < marin.optimal_loss(1e20)
    with pytest.raises(ConfigError, match="coefficient N0: not given"):
        marin.optimal_params(1e20)
    assert marin.decide(1e20).answers == {}


def test_a_frontier_decides_tokens_per_parameter_where_both_are_printed():
    marin = find_law("marin2026-v16")
    (answer,) = marin.decide(1e20).answers.values()
    assert answer == pytest.approx(float(marin.optimal_tokens(1e20) / marin.optimal_params(1e20)), rel=1e-12)


def test_a_width_comes_back_from_its_budget():
    marin = find_law("marin2026-may")
    assert marin.compute_for_width(marin.optimal_width(1e19)) == pytest.approx(1e19, rel=1e-9)


def test_a_frontier_is_no_opinion_about_a_design():
    with pytest.raises(ConfigError, match="a frontier of budgets, not of designs"):
        find_law("marin2026-v16").evaluate_arch("L_opt", SWITCH, 1e10)
