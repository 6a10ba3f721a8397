"""Every page has one frame: one offline file, its decision first, landmarks, numbers beside figures."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from optimoe import compare_models, size_fleet
from optimoe.app.replies.laws import along
from optimoe.core.claims import ClaimText, Reproduction
from optimoe.inputs.laws.evaluate import AlongRequest
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, bootstrap, fit
from optimoe.laws.runs import Observations
from optimoe.planner.published.ledger import Reproduced
from optimoe.report.pages.check_page import check_page
from optimoe.report.pages.figures.style import TEMPLATE, styled
from optimoe.report.pages.laws.back_test_page import back_test_page
from optimoe.report.pages.laws.fit_page import fit_page
from optimoe.report.pages.load_page import latency_figure, load_page
from optimoe.report.pages.page import Page, Section, drawn, render
from optimoe.report.pages.plan_page import plan_page
from optimoe.report.pages.reproduction_page import reproduction_page
from optimoe.report.pages.serving_page import curves_page
from optimoe.report.pages.sweep_page import MOST_OF_A_CURVE, losses_figure, sweep_page, thinned
from tests.report.pages import test_reproduction_page, test_serving_page
from tests.report.pages.laws.test_back_test_page import back_tests
from tests.report.pages.made import checked, measurement, swept
from tests.report.plans import doubts, usual_plan

MOST_BYTES = 1_500_000


def a_fit():
    sizes, tokens = np.repeat([1e8, 4e8, 1e9, 4e9], 4), np.tile([2e9, 1e10, 5e10, 2e11], 4)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.003, 16))
    losses = noise * find_law("besiroglu2024").loss(N=sizes, D=tokens)
    runs = Observations(variables={"N": sizes, "D": tokens}, loss=losses)
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    return fit_page(runs, fitted, [("Law", "words")], bootstrap(runs, fitted, resamples=5).intervals(0.9))


def a_reproduction():
    row = Reproduction(
        text="t2030", claim="it", law="", printed="2", value=2.0, published=(1.5, 2.5), ours=(2.0, 2.0),
        verdict="reproduced",
    )  # fmt: skip
    done = Reproduced(text=ClaimText(text="t2030", about="a text"), rows=(row,))
    return reproduction_page(done, [test_reproduction_page.figure(test_reproduction_page.CURVE)])


MAKERS = {
    "plan": lambda: plan_page(usual_plan(), doubts()),
    "fit": a_fit,
    "back-test": lambda: back_test_page(back_tests()),
    "serving": lambda: curves_page(test_serving_page.drawn()),
    "check": lambda: check_page(checked()),
    "reproduction": a_reproduction,
    "sweep": lambda: sweep_page(swept(), Path("runs/records.jsonl")),
    "comparison": lambda: compare_models("mixtral-8x7b", "llama-3.1-8b").page(),
    "fleets": lambda: size_fleet("mixtral-8x7b", gpu="h100-sxm", requests_per_s=50, tpot="40ms").page(),
    "law along": lambda: along(AlongRequest(law="besiroglu2024", along="N=1e8:1e12", set=["D=1e11"])).page(),
    "load": lambda: load_page(measurement()),
}


@cache
def made(name):
    return MAKERS[name]()


class Outline(HTMLParser):
    """Tags in order, and what is fetched."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.fetched, self.ids = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.fetched += [found[name] for name in ("src", "srcset", "data", "poster") if name in found]
        self.fetched += [found["href"]] if tag == "link" else []

    def named(self, *names):
        return [tag for tag, _ in self.tags if tag in names]


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_is_one_small_file_that_fetches_nothing(name):
    page = made(name)
    assert len(page.encode()) <= MOST_BYTES
    outline = Outline(page)
    assert outline.fetched == []
    assert "default-src 'none'" in page  # and the browser sees to it
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_has_landmarks_one_title_headings_in_order_and_a_way_past_its_head(name):
    outline = Outline(made(name))
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert outline.named(landmark) == [landmark], landmark
    assert set(outline.named("h1", "h2", "h3", "h4")) == {"h1", "h2"}
    first = next(found for tag, found in outline.tags if tag == "a")
    assert (first["class"], first["href"]) == ("skip", "#content")
    assert len(set(outline.ids)) == len(outline.ids)
    for target in (found["href"] for tag, found in outline.tags if found.get("href", "").startswith("#")):
        assert target.removeprefix("#") in outline.ids
    for tag, found in outline.tags:
        assert tag != "section" or found["aria-labelledby"] in outline.ids
        assert tag != "th" or found["scope"] in ("row", "col")
        assert found.get("class") != "scroll" or (found["tabindex"], found["role"]) == ("0", "region")


@pytest.mark.parametrize("name", MAKERS)
def test_the_sentence_that_decides_stands_first_and_what_it_rests_on_last(name):
    page = made(name)
    tags = [(tag, found.get("class")) for tag, found in Outline(page).tags]
    assert tags[tags.index(("h1", None)) + 1] == ("p", "decision")
    decision = re.search(r'<p class="decision">(.*)</p>', page)[1]
    assert decision.endswith(".") and len(decision.split()) > 3
    assert re.findall(r"<h2[^>]*>(.*)</h2>", page)[-1] in ("What this rests on", "Sources")


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_of_a_page_has_its_numbers_beside_it_or_in_a_table_of_the_page(name):
    page = made(name)
    figures = page.split("<figure>")[1:]
    assert figures
    bare = [one for one in figures if "<details>" not in one.partition("</figure>")[0]]
    titles = [re.search("<figcaption>([^,<]*).*</figcaption>", one)[1] for one in bare]
    known = {
        "Measured against predicted",
        "Runs held out",
        "Residuals by N",
        "Residuals by D",
        "Loss along the runs",
        "L of besiroglu2024 along N (shaded: fitted)",
    }
    assert set(titles) <= known  # runs stand in a table of their own; a record holds the curves


def test_a_page_of_a_dark_screen_and_of_paper_has_its_own_colours():
    page = made("serving")
    assert "@media screen and (prefers-color-scheme: dark)" in page
    assert "@media print" in page
    assert "beforeprint" in page


def test_a_page_without_figures_holds_no_library_and_leaves_out_what_is_empty():
    sections = [Section(title="Empty"), Section(title="Words", texts=["one < two"])]
    page = render(Page(title="t", decision="d.", answer=[], sections=sections))
    assert len(page) < 10_000
    assert "Empty" not in page
    assert "one &lt; two" in page


def test_a_figure_has_its_title_as_a_caption_and_says_what_it_shows():
    figure = styled(go.Figure(go.Bar(x=["a"], y=[1], name="dollars")), "Dollars < nats")
    shown = drawn(figure)
    assert (shown.title, shown.told) == ("Dollars < nats", "Dollars < nats: dollars")
    assert figure.layout.title.text == "Dollars < nats"
    assert drawn(styled(go.Figure(), "Dollars", "A bar of 1.")).told == "A bar of 1."


def test_a_page_draws_what_a_figure_by_itself_shows():
    figure = styled(go.Figure(go.Bar(x=["a"], y=[1])), "Dollars")
    page = render(Page(title="t", decision="d.", answer=[], sections=[Section(title="s", figures=[figure])]))
    shown, look = (
        json.loads(text)
        for text in re.findall(r'<script type="application/json"(?: id="look")?>(.*?)</script>', page)
    )
    assert look["template"]["layout"] == pio.templates[TEMPLATE].to_plotly_json()["layout"]
    alone = figure.to_dict()
    assert shown["data"] == alone["data"]
    changed = {key for key in alone["layout"] if shown["layout"].get(key) != alone["layout"][key]}
    assert changed == {"title", "margin", "meta", "template"} & set(alone["layout"])


def test_text_in_a_figure_cannot_end_its_script():
    figure = styled(go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[1])), "<b>title</b>")
    page = render(Page(title="t", decision="d.", answer=[], sections=[Section(title="s", figures=[figure])]))
    assert "alert(1)</script>" not in page
    assert drawn(figure).json.count("<") == 0


def test_the_page_of_a_sweep_names_its_best_run_and_what_went_wrong():
    page = made("sweep")
    assert "4 of 5 runs are over; the lowest held-out loss, 2.8000 nats per token, has run-2." in page
    assert "bad: no &lt;memory&gt;" in page
    losses = losses_figure([one.record for one in swept() if one.record and one.record.loss])
    assert list(losses.data[0].y) == pytest.approx([3.0, 2.9, 2.8])
    points = thinned(swept()[0].record.curve)
    assert len(points) <= MOST_OF_A_CURVE
    assert points[-1] == swept()[0].record.curve[-1]


def test_the_page_of_a_load_has_percentiles_with_the_intervals_that_bound_them():
    page = made("load")
    assert "served gives up to 400 tokens/s, at 4 in flight" in page
    figure = latency_figure("TTFT", ["1", "4"], [level.ttft for level in measurement().levels])
    p50, _, p99 = figure.data
    assert p50.name == "p50"
    assert list(p50.y) == pytest.approx([299.5, 1198.0])
    assert all(up > 0 for up in p50.error_y.array)
    assert p99.y[0] > p50.y[0]
