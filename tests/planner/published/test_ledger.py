"""Every text by name, with the claims that laws, costs and the planner hold of it."""

import pytest

from optimoe.core.claims import Claim, Series, TextFigure, undecided
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.planner.published import ledger
from optimoe.planner.published.ledger import claim_texts, figure_title, make_figure, reproduce_text, text_figures


def test_every_text_has_a_name():
    assert set(claim_texts()) >= {
        "abnar2025", "besiroglu2024", "clark2022", "epoch2024", "erdil2025", "gemstones", "hoffmann2022",
        "kaplan2020", "krajewski2024", "li2026", "liew2025", "ludziejewski2025", "sardana2024", "tian2025",
        "wan2026", "wang2024", "yun2024", "zhao2025",
    }  # fmt: skip
    assert list(claim_texts()) == sorted(claim_texts())


def test_one_text_joins_its_law_and_the_planner():
    rows = reproduce_text("sardana2024").rows
    assert [row.where for row in rows] == ["example in the paper", "by the planner"]


def test_an_unknown_text_is_said():
    with pytest.raises(UnknownNameError, match="zhao2025"):
        reproduce_text("zhao2052")


def loss_by_depth():
    """Loss by depth at fixed FLOPs.

    A docstring's first line is the title.
    """
    return TextFigure(
        key="depth", title="t", x="layers", y="nats", series=(Series(name="dense", x=(1.0,), y=(2.0,)),)
    )


def test_figures_of_a_text_are_those_of_its_rooms(monkeypatch):
    monkeypatch.setitem(ledger.COST_FIGURES, "sardana2024", {"depth": loss_by_depth})
    monkeypatch.setitem(ledger.PLAN_FIGURES, "sardana2024", {"2": loss_by_depth})
    makers = text_figures("sardana2024")
    assert {key: figure_title(make) for key, make in makers.items()} == {
        "depth": "Loss by depth at fixed FLOPs",
        "2": "Loss by depth at fixed FLOPs",
    }
    assert make_figure("sardana2024", "depth").x == "layers"
    with pytest.raises(ConfigError, match="figure: must be one of depth, 2, got 7"):
        make_figure("sardana2024", "7")


def test_a_text_without_figures_says_so():
    with pytest.raises(ConfigError, match="tissue2024 has none"):
        make_figure("tissue2024", "1")


def test_the_article_s_claims_come_from_every_room(monkeypatch):
    row = undecided(Claim(text="article2024", claim="of designs", law="", published=(1, 1)), "for this test")
    monkeypatch.setitem(ledger.CLAIMS_OF_DESIGNS, "article2024", lambda: [row])
    assert reproduce_text("article2024").rows[-1] == row


@pytest.mark.parametrize("name", claim_texts())
def test_every_figure_has_a_title_before_it_is_made(name):
    """``tests/long`` makes each one."""
    titles = [figure_title(make) for make in text_figures(name).values()]
    assert all(len(title.split()) > 2 for title in titles)
    assert len(set(titles)) == len(titles)
