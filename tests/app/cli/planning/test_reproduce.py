"""``optimoe reproduce``."""

import json

import jsonschema
import pytest

from optimoe.app.main import app
from optimoe.core.claims import Series, TextFigure
from optimoe.planner.published import ledger
from optimoe.report.records.schema import json_schema
from tests.app.run import answer, optimoe


def test_a_text_is_reproduced_with_a_verdict_for_each_number():
    rows = answer("reproduce", "epoch2024")["rows"]
    assert {"claim", "published", "ours", "verdict", "reason", "causes"} <= set(rows[0])
    assert isinstance(rows[0]["published"], float)
    done = optimoe("reproduce", "epoch2042")
    assert done.returncode == 2
    assert "epoch2024" in done.stderr


def test_claims_of_the_planner_are_ranges_beside_numbers_of_the_law():
    rows = answer("reproduce", "sardana2024")["rows"]
    assert [isinstance(row["published"], list) for row in rows] == [False, True]


def test_every_text_is_listed_with_the_data_that_it_needs():
    texts = {row["text"]: row for row in answer("reproduce", "--list")["texts"]}
    assert texts["clark2022"]["data"] == ["routing_curves"]
    assert texts["zhao2025"]["data"] == []
    assert "gemstones" in optimoe("reproduce", "--list").stdout


@pytest.mark.parametrize("words", [(), ("epoch2024", "--list"), ("--list", "--all")])
def test_what_is_to_be_reproduced_is_said_once(words):
    done = optimoe("reproduce", *words)
    assert done.returncode == 2
    assert "text: must be given alone" in done.stderr


def test_a_folder_in_place_of_a_page_is_refused_at_once(tmp_path):
    done = optimoe("reproduce", "--all", "--out", tmp_path)
    assert done.returncode == 2
    assert "--out" in done.stderr


def test_a_text_without_printed_outputs_says_so():
    assert "nothing to hold" in optimoe("reproduce", "liew2025").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("zhao2025", "--figure", "3"), "zhao2025 has none"),
        (("--list", "--figure", "3"), "--figure: must be given with a text"),
        (("--all", "--page", "page.html"), "--page: must be given with a text"),
        (("zhao2025", "--figure", "3", "--page", "page.html"), "--page: must be given without --figure"),
    ],
)
def test_a_figure_or_page_is_that_of_one_text(words, said):
    done = optimoe("reproduce", *words)
    assert done.returncode == 2
    assert said in done.stderr


def loss_by_size():
    """Loss by size at fixed FLOPs."""
    series = Series(name="dense", x=(1e9, 2e9), y=(2.5, float("nan")))
    return TextFigure(key="3", title="Loss by size", x="parameters", y="nats", series=(series,))


@pytest.fixture
def a_figure(monkeypatch):
    monkeypatch.setitem(ledger.PLAN_FIGURES, "zhao2025", {"3": loss_by_size})


def test_a_text_names_its_figures_and_shows_one(a_figure, capsys):
    app(["reproduce", "zhao2025"])
    assert "3: Loss by size at fixed FLOPs" in capsys.readouterr().out
    app(["reproduce", "zhao2025", "--figure", "3"])
    printed = capsys.readouterr().out
    assert [line.split() for line in printed.splitlines()[-3:]] == [
        ["x", "dense"],
        ["1.00B", "2.500"],
        ["2.00B", "–"],
    ]


def test_the_data_of_a_figure_are_json_of_its_schema(a_figure, capsys):
    app(["reproduce", "zhao2025", "--figure", "3", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["text"], printed["key"]) == ("zhao2025", "3")
    assert printed["series"][0]["y"] == [2.5, None]
    jsonschema.validate(printed, json_schema("reproduce"))
    app(["reproduce", "zhao2025", "--json"])
    assert json.loads(capsys.readouterr().out)["figures"] == {"3": "Loss by size at fixed FLOPs"}


def test_the_page_of_a_text_draws_its_figures(a_figure, capsys, tmp_path):
    page = tmp_path / "zhao.html"
    app(["reproduce", "zhao2025", "--page", str(page)])
    assert str(page) in capsys.readouterr().out.replace("\n", "")
    assert "Plotly.react(" in page.read_text(encoding="utf-8")
