"""The article's figures that take no more than laws."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.published.article import ARTICLE_FIGURES, BUDGETS_FLOPS


@pytest.fixture(scope="module")
def figures():
    return {key: make() for key, make in ARTICLE_FIGURES.items()}


def columns(figure):
    return {one.name: np.array(one.y) for one in figure.series}


def test_every_figure_is_called_by_its_key_and_titled_as_its_maker(figures):
    for key, figure in figures.items():
        assert figure.key == key
        assert ARTICLE_FIGURES[key].__doc__ == f"{figure.title}."


def test_routing_cost_ends_the_gain_of_granularity_and_the_best_rises_with_the_budget(figures):
    figure, law = figures["granularity"], find_law("krajewski2024-e64")
    losses, grains = columns(figure), figure.series[0].x
    best = []
    for flops in BUDGETS_FLOPS:
        paid, free = losses[f"{flops:.0e}".replace("+", "")], losses[f"{flops:.0e} free".replace("+", "")]
        assert paid[0] == 0
        assert (free < paid).all()
        assert free.argmin() == len(grains) - 1
        best.append(grains[paid.argmin()])
        assert best[-1] == law.evaluate("G_opt", {"F": flops})
    assert best == [8, 16, 32, 32]


def test_finer_experts_are_worth_the_compute_that_g_1_would_take(figures):
    law, figure = find_law("krajewski2024-e64"), figures["granularity-gain"]
    worth = columns(figure)["krajewski2024-e64, with routing"]
    for grain, factor in zip(figure.series[0].x, worth, strict=True):
        reached = law.evaluate("L_at_G", {"F": 1e20, "G": grain})
        assert law.evaluate("L_at_G", {"F": 1e20 * factor, "G": 1.0}) == pytest.approx(reached, rel=1e-9)
    leverage = columns(figure)["tian2025-el"]
    assert figure.series[2].x[leverage.argmax()] == 32  # 2^4.5 = 22.6 lies nearer to 32 than to 16 by a hair


def test_effective_size_ends_near_1t_for_s_base_and_at_85b_for_the_others(figures):
    by_size = columns(figures["cut-off"])
    sizes = np.array(figures["cut-off"].series[0].x)
    for name, cutoff in (("S-BASE", 1.10e12), ("RL-R", 8.99e10), ("Hash", 8.65e10)):
        assert ((by_size[name] > 1) == (sizes < cutoff)).all()
    assert (by_size["optimoe2026"] > 1).all()


def test_more_experts_are_worth_more_and_less_so_in_larger_models(figures):
    by_size = columns(figures["effective-size"])
    names = [name for name in by_size if name.startswith("S-BASE")]
    grid = np.array([by_size[name] for name in names])
    assert names[0] == "S-BASE 15M"
    assert (np.diff(grid, axis=1) > 0).all()
    assert (np.diff(grid[:, 1:], axis=0) < 0).all()


def test_a_size_above_all_parameters_is_left_out_and_said(figures):
    (series,) = (one for one in figures["cut-off"].series if one.name == "abnar2025")
    assert np.isnan(series.y[-1])
    assert series.note == "left out from 31.3B: more than all parameters"
    shown = {one.name: one for one in figures["effective-size-laws"].series}
    assert all(np.isfinite(one.y).all() for one in shown.values())
    for name in ("optimoe2026", "ludziejewski2025"):
        assert (np.array(shown[name].low) <= shown[name].y).all()
