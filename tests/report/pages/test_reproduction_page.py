"""The page of a text: verdicts, claims with their causes, and every figure drawn."""

import math

from optimoe.core.claims import Cause, ClaimText, Reproduction, Series, TextFigure
from optimoe.planner.published.ledger import Reproduced
from optimoe.report.pages.reproduction_page import drawn_figure, reproduction_page

CURVE = Series(name="dense", x=(1e9, 2e9, 4e9), y=(2.5, 2.4, math.nan), low=(2.4, 2.3, 2.2), high=(2.6, 2.5, 2.4))
POINTS = Series(name="printed", x=(2e9, 1e9), y=(2.45, 2.5), low=(2.4, 2.5), high=(2.5, 2.6), note="read off")


def figure(*series, **others):
    given = {"key": "depth", "title": "Loss by size", "x": "parameters", "y": "nats", "notes": ("a condition",)}
    return TextFigure(**given | {"series": series} | others)


def test_a_page_counts_verdicts_and_holds_claims_causes_and_figures():
    row = Reproduction(
        text="t2030", claim="it <grows>", law="a-law", printed="2.0", value=2.0, published=(1.95, 2.05),
        ours=(3.0, 3.0), verdict="explained", causes=(Cause(words="a cause", ours=(2.1, 2.1), closes=0.95),),
    )  # fmt: skip
    done = Reproduced(text=ClaimText(text="t2030", about="a text of tests"), rows=(row,))
    page = reproduction_page(done, [figure(CURVE, POINTS)])
    for words in ("1 explained", "it &lt;grows&gt;", "closes 95%: a cause: 2.1", "Figure depth", "a condition"):
        assert words in page
    assert "printed: read off" in page
    assert page.count('class="drawn"') == 1


def test_rising_points_are_a_curve_with_its_band_and_others_have_error_bars():
    band, curve, points = drawn_figure(figure(CURVE, POINTS)).data
    assert list(band.x) == [1e9, 2e9, 4e9, 4e9, 2e9, 1e9]
    assert (curve.mode, points.mode) == ("lines+markers", "markers")
    assert curve.line.color == band.fillcolor != points.line.color
    assert list(points.error_y.arrayminus) == [2.45 - 2.4, 0.0]


def test_axes_carry_their_labels_and_are_logarithmic_where_the_figure_is():
    layout = drawn_figure(figure(CURVE, x_log=True)).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("parameters", "nats")
    assert (layout.xaxis.type, layout.yaxis.type) == ("log", None)
