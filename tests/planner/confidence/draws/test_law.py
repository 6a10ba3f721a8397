"""Draws of a law: its coefficients, what lies beyond its range, how it is read."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.params import count_params
from optimoe.planner.confidence.draws.law import DATA_BEND, EXPANSION_BEND, SIZE_BEND, TESTS, certain, draws_of
from tests.planner.asked import LAW
from tests.planner.confidence.small import small

LAWS = LAW("optimoe2026")


def moved(law, tokens, expansion=10.0):
    """The curve of a dense design in every draw, and the law's own."""
    _, asked = small()
    grid = asked.lineup.grids[0].at(slice(-1, None))
    return law.curve(grid, np.array([tokens]), expansion), LAWS.arch_curve(grid), grid


def test_inside_its_range_a_law_that_is_taken_as_known_is_itself():
    drawn, own, _ = moved(certain(LAWS, 50), 1e11)
    assert drawn.floor == pytest.approx(np.full((50, 1), own.floor))
    assert drawn.scale == pytest.approx(np.full((50, 1), own.scale))


def test_beyond_its_range_a_draw_bends_the_term_that_lies_beyond():
    law, most = certain(LAWS, 4000), LAWS.row.range["D"][1]
    drawn, own, grid = moved(law, 10 * most)
    apart = np.ravel(drawn.floor) - own.floor
    assert 0 < np.percentile(np.abs(apart), 50) < 0.05 * own.floor
    near, *_ = moved(law, 10 * most, expansion=1.0)
    assert near.floor == pytest.approx(np.full((4000, 1), own.floor))
    beyond = LAWS.decades_beyond(grid, np.array([10 * most]))
    assert {name for name, far in beyond.items() if far > 0} == {"D"}
    assert np.log(drawn.scale / own.scale).std() == pytest.approx(DATA_BEND, rel=0.05)
    half, *_ = moved(law, 10**0.5 * most)
    assert np.log(half.scale / own.scale).std() == pytest.approx(DATA_BEND / 2, rel=0.05)


def test_sizes_beyond_the_range_bend_what_lies_above_the_floor_and_more_so_far_from_the_expansion_of_the_choice():
    narrow = LAWS.row.range | {"N_act": (1.0, 1e7)}
    law = type(LAWS)(replace(LAWS.row, range=narrow), LAWS.find)
    many, grid = certain(law, 4000), small()[1].lineup.grids[0].at(slice(0, 1))
    decades = np.log10(count_params(grid).active / 1e7).item()
    floor = LAWS.row.coefficients["E"]
    own = LAWS.arch_curve(grid).floor - floor

    def spread(expansion):
        return np.log((many.curve(grid, np.array([1e10]), expansion).floor - floor) / own).std()

    assert spread(1.0) == pytest.approx(SIZE_BEND * decades, rel=0.05)
    few = np.sqrt(TESTS / (TESTS - 2))  # standard deviation of a Student-t
    assert spread(100.0) == pytest.approx(np.hypot(SIZE_BEND, 2 * few * EXPANSION_BEND) * decades, rel=0.1)


def test_what_is_read_by_assumption_lies_between_less_and_more():
    _, asked = small()
    grid = next(grid for grid in asked.lineup.grids if grid.moe)
    gap = np.broadcast_to(LAWS.reading_gap(grid, np.full(len(grid.d_model), 1e11)), grid.d_model.shape)
    assert (gap > 0).all()
    own, drawn = LAWS.arch_curve(grid).floor, certain(LAWS, 500).curve(grid, np.full(gap.shape, 1e11), 10.0).floor
    assert (np.abs(drawn - own) <= gap * (1 + 1e-9)).all()
    assert np.ptp((drawn - own) / gap, axis=0) == pytest.approx(np.full(gap.shape, 2.0), abs=0.05)
    assert np.ptp((drawn - own) / gap, axis=1) == pytest.approx(np.zeros(500), abs=1e-9)


def test_coefficients_are_those_that_the_law_came_with():
    law = draws_of(LAWS, 32)
    assert set(np.ravel(law.many.row.coefficients["alpha"])) <= set(LAWS.row.draws["alpha"])
    first = law.first(8)
    assert first.draws == len(first.readings) == 8
    assert np.array_equal(first.many.row.coefficients["alpha"], law.many.row.coefficients["alpha"][:8])


def test_a_corpus_that_nobody_trained_on_has_a_level_of_its_own():
    law = draws_of(LAWS, 200)
    assert law.knows_corpora
    spec = small()[0].choice.spec
    drawn, own = (np.log(many.arch_curve(spec).loss(1e11)) for many in (law.of_corpora(), law.many))
    spread = LAWS.row.effects.spread_of(float(np.exp(own).mean()))
    assert (drawn - own).std() == pytest.approx(spread, rel=0.2)
    plain = certain(LAW("ludziejewski2025"), 4)
    assert not plain.knows_corpora
    assert plain.of_corpora() is plain.many
