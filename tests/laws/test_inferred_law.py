"""The coefficients that are inferred from what Yun 2024 prints."""

from pathlib import Path

import numpy as np
import pytest

from optimoe.core.claims import printed_range
from optimoe.core.provenance import Basis
from optimoe.laws.catalog import find_law, find_loss_law
from optimoe.laws.compare import comparable_laws

NAME = "yun2024-inferred"


@pytest.fixture
def script(monkeypatch):
    """The script that makes the row."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    import yun_inferred

    return yun_inferred


@pytest.fixture
def drawn(script):
    """The draws of the row as coordinates of the script's search, with the budgets that it does not keep."""
    row = find_law(NAME).row
    columns = {name: np.array(values)[:, None] for name, values in row.draws.items()}
    return script.law_of(columns)


def test_the_draws_meet_what_is_printed(script, drawn):
    """Each size within three of the standard deviations that were allowed, by the middle of the draws."""
    sizes = script.size_answers(drawn)
    printed = np.log([sum(printed_range(text)) / 2 for text in script.CLAIMS.values()][: sizes.shape[1]])
    assert np.median(sizes, axis=0) == pytest.approx(printed, abs=3 * script.MISREAD)


def test_sixteen_experts_need_less_of_the_training_of_four_at_larger_budgets(script, drawn):
    small, large = (
        script.flops_ratio(drawn, np.full(len(drawn.coefficients["d"]), np.log(budget))) for budget in (1e20, 1e23)
    )
    assert np.mean(large < small) > 0.95


def test_the_best_size_of_the_script_is_the_lowest_of_a_fine_grid(script):
    law = find_loss_law(NAME)
    sizes = np.exp(np.linspace(np.log(5e8), np.log(5e10), 100_001))
    lowest = sizes[law.loss(sizes, 2.12e21 / (6 * sizes), 4).argmin()]
    best, _ = script.optimum(np.atleast_2d(script.losses(law, 4, 2.12e21)))
    assert np.exp(best[0]) == pytest.approx(lowest, rel=2e-3)


def test_an_inferred_law_is_asked_by_name_alone_and_is_assumed_in_a_plan():
    row = find_law(NAME).row
    assert row.status == "inferred"
    assert NAME not in comparable_laws()
    assert row.basis is Basis.ASSUMED


def test_the_search_finds_points_that_are_laws(script):
    points, values = script.sample(21, 12, np.random.default_rng(0))
    assert np.isfinite(values).all()
    assert all((column > 0).all() for name, column in script.coefficients(points).items() if name != "d")
