"""Yun 2024's figures, asked of laws that are published."""

import math

import pytest

from optimoe.planner.published.yun.figures.laws import (
    SPAN_FLOPS,
    YUN_FIGURES,
    cheapest,
    equal_cost,
    equal_loss,
    equal_quality,
    frontier,
    growth,
    saturation,
    sizes,
    total_loss,
    total_price,
)
from optimoe.planner.published.yun.setting import EXPERTS, LAWS


def series_of(figure, words):
    return {one.name: dict(zip(one.x, one.y, strict=True)) for one in figure.series if words in one.name}


@pytest.fixture(scope="module")
def at_total():
    return series_of(total_loss(), "")


@pytest.mark.parametrize("key", YUN_FIGURES)
def test_a_figure_is_asked_for_by_its_own_key_and_has_numbers(key):
    figure = YUN_FIGURES[key]()
    assert figure.key == key
    assert all(any(map(math.isfinite, one.y)) for one in figure.series)


def test_fewer_experts_are_cheapest_the_larger_the_budget_and_16_gpus_put_that_off():
    figure = cheapest()
    by_way = series_of(figure, "")
    for law in ("ludziejewski", "optimoe"):
        eight, more = (list(by_way[law + words].values()) for words in ("", "/16"))
        assert eight[0] == more[0] == 32
        assert eight[-1] <= 8
        assert set(eight) & {4, 8}
        assert sum(more) > sum(eight)
    assert set(by_way["zhao"].values()) == {32}
    assert all(set(one.y) <= set(EXPERTS) and one.x == SPAN_FLOPS for one in figure.series)


def test_it_is_said_where_weights_fill_the_memory_and_what_16_gpus_change():
    figure = equal_loss()
    assert "of 8 GPUs: ludziejewski E = 32" in figure.notes[-1]
    prices = series_of(figure, "ludziejewski")
    assert prices["ludziejewski/16"][32] < 0.6 * prices["ludziejewski"][32]
    # Four experts fit eight GPUs: of sixteen the best layout serves them a few percent cheaper, no more.
    assert 0.9 * prices["ludziejewski"][4] < prices["ludziejewski/16"][4] <= prices["ludziejewski"][4]
    assert math.isnan(series_of(figure, "zhao")["zhao"][1])


def test_over_trained_models_of_8_experts_cost_a_tenth_more_than_printed_under_the_default_law():
    figure = equal_quality()
    (printed,) = (one for one in figure.series if one.name == "printed")
    by_experts = dict(zip(printed.x, zip(printed.low, printed.high, strict=True), strict=True))
    ours = series_of(figure, "optimoe2026")["optimoe2026"]
    assert ours[4] == pytest.approx(1)
    assert by_experts[8][1] < ours[8] < 1.1 * by_experts[8][1]
    assert ours[16] < by_experts[16][0]


def test_at_equal_cost_more_experts_lose_less():
    for gains in series_of(equal_cost(), "").values():
        assert gains[4] == pytest.approx(0)
        assert list(gains.values()) == sorted(gains.values(), reverse=True)


def test_the_gap_grows_under_two_laws_of_three():
    figure = growth()
    for law in LAWS:
        (shares,) = series_of(figure, law).values()
        fall = shares[SPAN_FLOPS[0]] - shares[SPAN_FLOPS[-1]]
        assert fall == pytest.approx(0, abs=0.02) if law == "optimoe2026" else fall > 0.03


def test_saturation_begins_beyond_the_numbers_that_are_compared():
    hat = series_of(saturation(), "ludziejewski2025")["ludziejewski2025"]
    assert hat[8] == pytest.approx(8.81237, rel=1e-5)
    assert hat[32] > 0.9 * 32
    assert hat[1024] < 0.25 * 1024


def test_at_one_total_size_more_experts_are_served_cheaper_and_the_best_are_not_the_most(at_total):
    for law in ("ludziejewski2025", "optimoe2026"):
        losses = at_total[law]
        assert min(losses, key=losses.get) == 16
    usd = series_of(total_price(), "optimoe2026")["optimoe2026"]
    assert list(usd.values()) == sorted(usd.values(), reverse=True)


def test_the_loss_is_flat_near_its_optimum():
    for curve in series_of(sizes(), "E = ").values():
        best = min(curve, key=curve.get)
        assert curve[min(curve, key=lambda size: abs(size / best - 0.7))] < curve[best] * 1.004


def test_a_dearer_loss_optimal_model_is_a_better_one():
    for curve in series_of(frontier(), "E = ").values():
        losses = [curve[usd] for usd in sorted(curve)]
        assert losses == sorted(losses, reverse=True)
