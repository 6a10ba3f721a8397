"""Yun 2024's headline under its inferred coefficients."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_loss_law
from optimoe.planner.published.yun.answers import at_loss_of_16
from optimoe.planner.published.yun.figures.inferred import INFERRED, draws_at_loss_of_16, inferred_figure

BUDGET = 5.15e21


def test_a_law_without_draws_answers_as_the_headline_does():
    drawn = draws_at_loss_of_16("zhao2025", BUDGET)
    told = {one.experts: one for one in at_loss_of_16("zhao2025", BUDGET)}
    assert drawn.experts == tuple(told)
    assert drawn.usd_per_mtok[0] == pytest.approx([one.usd_per_mtok for one in told.values()])
    assert drawn.over_16("flops")[0] == pytest.approx([one.training_share for one in told.values()], rel=1e-6)


def test_every_draw_is_asked_and_the_share_of_the_cheapest_adds_up():
    drawn = draws_at_loss_of_16(INFERRED, BUDGET)
    assert len(drawn.usd_per_mtok) == len(find_loss_law(INFERRED).row.draws["E_max"])
    assert sum(np.mean(drawn.cheapest == experts) for experts in drawn.experts) == pytest.approx(1)


def test_the_training_gap_of_few_experts_holds_what_is_printed_and_their_price_does_not():
    drawn = draws_at_loss_of_16(INFERRED, 2.12e21)
    four = drawn.experts.index(4)
    assert 2.5 < np.median(drawn.over_16("flops")[:, four]) < 3.5
    assert np.mean(np.isin(drawn.cheapest, (4, 8))) < 0.05


def test_the_figure_has_a_band_where_a_law_has_draws():
    bands = {one.name: bool(one.low) for one in inferred_figure().series}
    assert bands == {"ludziejewski2025": False, "zhao2025": False, "optimoe2026": True, INFERRED: True}
