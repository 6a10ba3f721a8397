"""Figures to the article of Epoch AI."""

import pytest

from optimoe.cost.published.figures import FIGURES

MADE = {key: make() for key, make in FIGURES["epoch2024"].items()}


def curves(key):
    return {one.name: one for one in MADE[key].series}


def at(series, x):
    return series.y[series.x.index(x)]


@pytest.mark.parametrize("key", MADE)
def test_a_figure_is_named_by_its_key_and_its_maker_s_first_line(key):
    assert MADE[key].key == key
    assert FIGURES["epoch2024"][key].__doc__.splitlines()[0] == f"{MADE[key].title}."


def test_the_curves_of_sparsity_hold_the_formula_s_shares_and_the_article_s_numbers_lie_above():
    series = curves("sparsity")
    assert at(series["A = 2"], 4.0) == pytest.approx(0.62, abs=0.005)
    assert at(series["A = 2"], 8.0) == pytest.approx(0.457, abs=0.005)
    assert at(series["gpt-4"], 8.0) == pytest.approx(921.6 / 1800, abs=0.005)
    assert at(series["the article, in general"], 4.0) > at(series["A = 2"], 4.0)


def test_of_the_components_of_gpt_4_only_depth_is_not_as_printed():
    series = curves("components")
    apart = [
        number
        for number, ours, printed in zip(
            series["gpt-4"].x, series["gpt-4"].y, series["gpt-4, printed"].y, strict=True
        )
        if abs(ours / printed - 1) > 0.04
    ]
    assert apart == [4.0]
    assert series["mixtral-8x22b"].y[1:5] == pytest.approx((140e9, 35e9, 35.6e9, 83.2e9), rel=0.01)


def test_the_all_reduce_of_the_example_is_the_article_s_as_printed_and_the_full_model_s_with_two_a_layer():
    series = curves("all-reduce")
    assert at(series["1 MB, as printed"], 300.0) == pytest.approx(2.7, abs=0.05)
    assert at(series["1.31 MB"], 300.0) == pytest.approx(3.51, abs=0.005)
    full = at(series["full model: all-reduces"], 300.0)
    assert full == pytest.approx(7 / 8 * at(series["two a layer"], 300.0), rel=0.05)
    assert full < at(series["full model: whole step"], 300.0)


def test_experts_save_60_percent_of_the_cache_at_16_and_one_key_value_head_saves_more():
    series = curves("cache")
    assert at(series["the article"], 16.0) == pytest.approx(0.60, abs=0.005)
    assert at(series["if two active counted"], 16.0) == pytest.approx(0.5)
    assert at(series["gpt-4"], 16.0) > at(series["the article"], 16.0) > at(series["dbrx"], 16.0)
