"""Yun 2024's figures, asked of laws that are published."""

import math

import pytest

from optimoe.planner.published.yun.figures import (
    LARGEST,
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
    return series_of(total_loss(), "8.18e21")


@pytest.mark.parametrize("key", YUN_FIGURES)
def test_a_figure_is_asked_for_by_its_own_key_and_has_numbers(key):
    figure = YUN_FIGURES[key]()
    assert figure.key == key
    assert all(math.isfinite(value) for one in figure.series for value in (*one.x, *one.y))


def test_fewer_experts_are_cheapest_the_larger_the_budget_and_16_gpus_put_that_off():
    figure = cheapest()
    for law in ("ludziejewski2025", "optimoe2026"):
        by_way = series_of(figure, law)
        eight, more = (list(by_way[law + words].values()) for words in ("", ", up to 16 GPUs"))
        assert eight[0] == more[0] == 32
        assert eight[-1] <= 8
        assert set(eight) & {4, 8}
        assert sum(more) > sum(eight)
    assert set(series_of(figure, "zhao2025")["zhao2025"].values()) == {32}
    assert all(set(one.y) <= set(EXPERTS) and one.x == SPAN_FLOPS for one in figure.series)


def test_a_series_says_where_weights_fill_the_memory():
    notes = {one.name: one.note for one in equal_loss().series}
    assert notes["ludziejewski2025, 8.18e21 FLOP"].endswith("E = 16, 32")
    assert notes["optimoe2026, 2.12e21 FLOP"] == ""


def test_over_trained_models_of_8_experts_cost_about_what_is_printed_under_the_default_law():
    figure = equal_quality()
    (printed,) = (one for one in figure.series if one.name == "printed")
    ours = series_of(figure, "optimoe2026, 5.15e21")["optimoe2026, 5.15e21 FLOP"]
    assert ours[4] == pytest.approx(1)
    assert printed.low[0] < ours[8] < printed.high[0]
    assert ours[16] < printed.low[1]


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
        losses = at_total[f"{law}, 8.18e21 FLOP"]
        assert min(losses, key=losses.get) == 16
    usd = series_of(total_price(), "optimoe2026, 8.18e21")["optimoe2026, 8.18e21 FLOP"]
    assert list(usd.values()) == sorted(usd.values(), reverse=True)
    assert LARGEST == 8.18e21


def test_the_loss_is_flat_near_its_optimum():
    for curve in series_of(sizes(), "E = ").values():
        best = min(curve, key=curve.get)
        assert curve[min(curve, key=lambda size: abs(size / best - 0.7))] < curve[best] * 1.004


def test_a_dearer_loss_optimal_model_is_a_better_one():
    for curve in series_of(frontier(), "E = ").values():
        losses = [curve[usd] for usd in sorted(curve)]
        assert losses == sorted(losses, reverse=True)
