"""One style for all figures."""

import json

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from optimoe.report.pages.figures.style import TEMPLATE, by_itself, figure_html, log_axis, render, styled


@pytest.mark.parametrize("values", [(3.0, 40.0), (0.002,), (1.0, 1000.0), (0.0, 7.0)])
def test_a_logarithmic_axis_is_marked_around_every_positive_value(values):
    axis = log_axis(values)
    known = [value for value in values if value > 0]
    assert min(axis["tickvals"]) <= min(known)
    assert max(axis["tickvals"]) >= max(known)
    assert len(axis["tickvals"]) == len(axis["ticktext"])


def test_marks_are_written_in_full():
    axis = log_axis([900.0, 1100.0])
    labels = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    assert (labels[200.0], labels[1000.0]) == ("200", "1,000")


def test_many_decades_are_marked_once_each_and_large_numbers_by_a_prefix():
    assert log_axis([1e18, 3e21])["ticktext"] == ["1e18", "1e19", "1e20", "1e21", "1e22"]
    assert log_axis([2e8, 3e9])["ticktext"][:4] == ["100M", "200M", "500M", "1B"]


def test_a_figure_has_its_title_as_a_caption_and_says_what_it_shows():
    figure = styled(go.Figure(go.Bar(x=["a"], y=[1], name="dollars")), "Dollars < nats")
    page = figure_html(figure)
    assert "<figcaption>Dollars &lt; nats</figcaption>" in page
    assert 'role="img" aria-label="Dollars &lt; nats: dollars"' in page
    assert figure.layout.title.text == "Dollars < nats"
    assert 'aria-label="A bar of 1."' in figure_html(styled(go.Figure(), "Dollars", "A bar of 1."))


def test_a_page_draws_what_a_figure_by_itself_shows():
    figure = styled(go.Figure(go.Bar(x=["a"], y=[1])), "Dollars")
    drawn = figure_html(figure)
    start = drawn.index("[{", drawn.index("Plotly.newPlot("))
    _, end = json.JSONDecoder().raw_decode(drawn, start)
    layout, _ = json.JSONDecoder().raw_decode(drawn, drawn.index("{", end))
    alone = by_itself(figure).to_dict()["layout"]
    assert layout["template"] == alone["template"] == pio.templates[TEMPLATE].to_plotly_json()
    assert {key for key in layout if layout[key] != alone[key]} == {"title", "margin"}


def test_text_in_a_figure_cannot_end_its_script():
    figure = styled(go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[1])), "<b>title</b>")
    page = render(
        "serving.html", [figure], title="t", lead="l", answer=[], tried=1, rows=[("head",)], assumptions=()
    )
    assert "alert(1)</script>" not in page
