"""Figures of how sure a plan is hold what the sentences say."""

from dataclasses import replace

import pytest

from optimoe.report.pages.figures.doubts import contending_figure, drawn_shares, draws_figure, shadow_figure
from optimoe.report.pages.plan_page import doubt_figures
from tests.report.plans import doubts, usual_plan


def placed(trace):
    """The places of a trace by axis."""
    found = {}
    for axis, place in zip(trace.y, trace.x, strict=True):
        found.setdefault(axis, []).append(place)
    return {axis: places[:-1] for axis, places in found.items()}  # the last ends the line


def test_contending_designs_stand_where_their_values_do_among_those_of_the_space():
    space, contend = contending_figure(doubts().contending).data
    assert placed(space)["E"] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert placed(contend)["E"] == pytest.approx([1 / 3, 2 / 3, 1])  # 8, 32 and 64 of 1, 8, 32, 64
    low, high = placed(contend)["active parameters"]
    assert 0 < low < high < 1
    assert {"1", "64", "1.0B", "50B"} <= set(space.text)
    assert "4.1B" in contend.text


def test_a_bar_is_what_the_usual_change_of_a_limit_gains():
    dollars, nats = shadow_figure(doubts().shadow_prices, "usd").data
    assert dollars.y == nats.y == ("TPOT 50 → 60 ms", "TTFT 2,000 → 2,400 ms")
    assert dollars.x == (123_000.0, 0.0)
    assert nats.x == (0.021, None)  # nothing bounds that loss


def test_draws_are_a_bar_each_in_which_shares_of_the_winners_add_up():
    figure = draws_figure(drawn_shares(doubts()))
    named = ("draws of the law", "printed, as published", "all laws alike", "draws of prices and demand")
    assert figure.data[0].y == named
    totals = [sum(shares) for shares in zip(*(trace.x for trace in figure.data), strict=True)]
    assert totals == pytest.approx([100, 100, 100, 99.7])


def test_the_page_has_no_figure_of_what_was_not_asked():
    asked = doubt_figures(usual_plan(), doubts())
    assert [figure.layout.title.text.split()[0] for figure in asked] == ["Which", "56", "What", "What"]
    bare = replace(doubts(), uncertainty=None, over_laws=None, over_money=None, contending=None, shadow_prices=())
    assert [figure.layout.title.text.split()[0] for figure in doubt_figures(usual_plan(), bare)] == ["What"]
