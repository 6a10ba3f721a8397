"""Figures have their numbers beside them."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optimoe.report.pages.figures.numbers import MOST_POINTS, figure_numbers
from optimoe.report.pages.figures.style import styled


def test_series_that_share_their_places_stand_side_by_side():
    figure = go.Figure()
    figure.add_bar(y=["dense", "E = 8"], x=[10.0, 2.5], name="training", orientation="h")
    figure.add_bar(y=["dense", "E = 8"], x=[1.0, None], name="serving", orientation="h")
    figure.update_xaxes(title="USD")
    rows = figure_numbers(styled(figure, "t"))
    assert rows == [("place", "training", "serving"), ("dense", "10.00", "1"), ("E = 8", "2.50", "–")]


def test_series_of_other_places_stand_below_each_other_without_lines_that_only_guide():
    figure = go.Figure()
    figure.add_scatter(x=[0, 9], y=[0, 9], hoverinfo="skip")
    figure.add_scatter(x=[1.0, 2.0], y=[3.0, 4.0], name="ours")
    figure.add_scatter(x=[5.0], y=[6.0], name="theirs")
    figure.update_layout(xaxis={"title": "batch"}, yaxis={"title": "ms"})
    rows = [("series", "batch", "ms"), ("ours", "1", "3"), ("ours", "2", "4"), ("theirs", "5", "6")]
    assert figure_numbers(styled(figure, "t")) == rows


def test_series_without_a_name_are_called_by_their_axis():
    figure = make_subplots(cols=2)
    figure.add_bar(x=["a"], y=[1], row=1, col=1)
    figure.add_bar(x=["a"], y=[2], row=1, col=2)
    figure.update_yaxes(title="dollars", col=1)
    figure.update_yaxes(title="nats", col=2)
    assert figure_numbers(styled(figure, "t"))[0] == ("place", "dollars", "nats")


def test_a_figure_states_its_own_numbers_or_none_and_thousands_of_points_are_no_table():
    figure = go.Figure(go.Scatter(x=[1], y=[2]))
    assert figure_numbers(styled(figure, "t", numbers=[("a",), ("b",)])) == (("a",), ("b",))
    assert figure_numbers(styled(figure, "t", numbers=())) == ()
    many = list(range(MOST_POINTS + 1))
    assert figure_numbers(styled(go.Figure(go.Scatter(x=many, y=many)), "t")) == ()
