"""Figures hold the plan's numbers."""

import pytest

from optimoe.planner.confidence.overtraining import size_curve
from optimoe.report.pages.figures.plan import front_figure, parts_figure, size_figure, tornado_figure, total_figure
from optimoe.report.words.plan.alternatives import shown_others
from tests.report.plans import doubts, usual_plan


@pytest.fixture(scope="module")
def result():
    return usual_plan()


def test_the_front_holds_every_member_and_the_choice(result):
    figure = front_figure(result)
    points = sorted((x, y) for trace in figure.data[1:] for x, y in zip(trace.x, trace.y, strict=True))
    shown = [*result.front, result.choice]
    assert points == sorted((one.usd_per_mtok, one.loss.value) for one in shown)
    assert figure.data[-1].name == "the choice"


def test_bars_of_a_family_add_up_to_its_dollars(result):
    bars = total_figure(result)
    totals = [sum(parts) for parts in zip(*(trace.x for trace in bars.data), strict=True)]
    beside = [item.candidate.total_usd for item in shown_others(result) if item.candidate]
    assert totals == pytest.approx([result.choice.total_usd, *beside])


def test_the_causes_of_a_token_add_up_to_its_time(result):
    assert sum(parts_figure(result.choice.serving).data[0].x) == pytest.approx(1e3 * result.choice.tpot_s)


def test_sizes_show_loss_and_price_and_mark_the_choice(result):
    curve = size_curve(result)
    figure = size_figure(result, curve)
    loss, price = figure.data
    assert list(loss.x) == list(price.x) == [point.params_active for point in curve]
    assert list(loss.y) == [point.loss for point in curve]
    assert list(price.y) == [point.usd_per_mtok for point in curve]
    assert result.choice.params.active in [line.x0 for line in figure.layout.shapes]


def test_the_tornado_has_a_bar_for_every_feasible_end():
    figure = tornado_figure(usual_plan(), doubts())
    ends = [one for swing in doubts().swings for one in swing.choices if one is not None]
    reached = sorted(trace.base + trace.x[0] for trace in figure.data)
    assert reached == pytest.approx(sorted(one.total_usd for one in ends))
    assert {trace.y[0] for trace in figure.data} == {"MFU", "demand"}
    colours = {trace.marker.color for trace in figure.data if trace.y[0] == "MFU"}
    assert len(colours) == 2  # the end that chooses another family stands out
