"""Figures of texts as tables."""

import math

from optimoe.core.claims import Series, TextFigure
from optimoe.report.tables.text_figures import WIDEST, figure_table


def figure(*series):
    return TextFigure(key="3", title="t", x="parameters", y="nats", series=series)


def test_series_that_share_x_stand_side_by_side():
    dense = Series(name="dense", x=(1e9, 2e10), y=(2.5, 2.25))
    routed = Series(name="E = 8", x=(1e9, 2e10), y=(2.375, math.nan))
    assert figure_table(figure(dense, routed)) == [
        ("x", "dense", "E = 8"),
        ("1.00B", "2.500", "2.375"),
        ("20.0B", "2.250", "–"),
    ]


def test_series_at_other_x_stand_row_by_row():
    table = figure_table(figure(Series(name="a", x=(1, 2), y=(3, 4)), Series(name="b", x=(1,), y=(5,))))
    assert table == [("series", "x", "y"), ("a", "1", "3"), ("a", "2", "4"), ("b", "1", "5")]


def test_a_table_that_is_too_wide_stands_row_by_row():
    wide = [Series(name=f"a long name, number {number}", x=(1, 2), y=(3, 4)) for number in range(9)]
    table = figure_table(figure(*wide))
    assert len(table) == 1 + 2 * len(wide)
    assert max(sum(map(len, row)) for row in table) < WIDEST


def test_a_band_stands_beside_its_value():
    banded = Series(name="ours", x=(8,), y=(0.5,), low=(0.25,), high=(1.5,))
    assert figure_table(figure(banded)) == [("x", "ours"), ("8", "0.500 (0.250 – 1.500)")]


def test_numbers_over_many_decades_keep_their_own_digits():
    column = [row[1] for row in figure_table(figure(Series(name="s", x=(1, 2), y=(0.00123456, 12.5))))]
    assert column == ["s", "0.001235", "12.5"]
