"""Figures as data: columns of one length, names that differ, positive numbers on logarithmic axes."""

import math

import pytest

from optimoe.core.claims import Series, TextFigure
from optimoe.core.errors import ConfigError


def figure(*series, **others):
    given = {"key": "3", "title": "Loss", "x": "parameters", "y": "loss (nats per token)", "series": series}
    return TextFigure(**given | others)


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"y": (1.0,)}, "dense: y"),
        ({"low": (0.5,), "high": (2.0, 3.0)}, "dense: low"),
        ({"high": (2.0, 3.0)}, "dense: low"),
        ({"x": (), "y": ()}, "dense: x"),
    ],
)
def test_columns_of_a_series_are_equally_long(columns, field):
    with pytest.raises(ConfigError, match=field):
        Series(**{"name": "dense", "x": (1.0, 2.0), "y": (1.0, 2.0)} | columns)


def test_series_of_one_figure_have_names_of_their_own():
    dense = Series(name="dense", x=(1.0,), y=(1.0,))
    with pytest.raises(ConfigError, match="figure 3: series: must be of different names"):
        figure(dense, dense)
    with pytest.raises(ConfigError, match="figure 3: series: must be one or more"):
        figure()


def test_a_logarithmic_axis_holds_positive_numbers_and_gaps():
    gap = Series(name="dense", x=(1.0, 2.0), y=(math.nan, 1.0))
    assert figure(gap, y_log=True).series == (gap,)
    with pytest.raises(ConfigError, match="figure 3: y: must be positive on a logarithmic axis"):
        figure(Series(name="dense", x=(1.0,), y=(0.0,)), y_log=True)
