"""Published numbers in words stand beside ours."""

import math

import pytest

from optimoe.core.claims import Cause, ClaimText, Derived, Reproduction, Series, TextFigure
from optimoe.planner.published.ledger import Reproduced
from optimoe.report.words.texts.reproduce_prose import (
    counts_line,
    figure_lines,
    figure_name_lines,
    ledger_page,
    reproduction_lines,
    text_lines,
    text_section,
)


def row(**others):
    values = {
        "text": "t2030", "claim": "it grows", "law": "a-law", "printed": "2.0", "value": 2.0,
        "published": (1.95, 2.05), "ours": (2.0, 2.0), "verdict": "reproduced",
    }  # fmt: skip
    return Reproduction(**(values | others))


CAUSES = (
    Cause(words="a cause", ours=(2.1, 2.1), closes=0.95),
    Cause(words="another", ours=(1.0, 1.5), closes=-0.5),
    Cause(words="a third", ours=(math.nan, math.nan), closes=math.nan),
)
DIFFERS = row(ours=(3.0, 3.0), verdict="explained", causes=CAUSES, reason="rounded")


def test_a_number_stands_beside_ours_and_below_it_the_causes_that_ran():
    assert reproduction_lines([row()]) == [("reproduced", "a-law: it grows: printed 2.0, ours 2")]
    assert reproduction_lines([DIFFERS]) == [
        ("explained", "a-law: it grows: printed 2.0, ours 3 (rounded)"),
        ("", "closes 95%: a cause: 2.1"),
        ("", "closes -50%: another: 1 to 1.5"),
        ("", "closes nothing: a third: nan"),
    ]


def test_what_takes_a_reproduced_number_away_stands_below_it():
    fragile = row(turned_by=(Cause(words="other shapes", ours=(3.0, 3.0), closes=math.nan),))
    assert reproduction_lines([fragile])[1] == ("", "no longer with other shapes: 3")


def test_one_claim_under_several_laws_stands_once_above_their_verdicts():
    lines = reproduction_lines([row(where="Sec. 1"), row(where="Sec. 1", law="b-law", reason="so")])
    assert lines == [
        ("Sec. 1", "it grows: printed 2.0"),
        ("reproduced", "a-law: ours 2"),
        ("reproduced", "b-law: ours 2 (so)"),
    ]


def test_of_many_causes_a_terminal_shows_those_that_close_most():
    causes = tuple(Cause(words=f"cause {number}", ours=(2.1, 2.1), closes=0.5) for number in range(5))
    lines = reproduction_lines([row(ours=(3.0, 3.0), verdict="explained", causes=causes)])
    assert [words for _, words in lines[1:]] == [
        "closes 50%: cause 0: 2.1",
        "closes 50%: cause 1: 2.1",
        "3 more in --json",
    ]


def test_a_text_that_contradicts_itself_shows_its_own_formula_and_number():
    own = Derived(words="table of widths", formula="2 * d", ours=(2.95, 3.05))
    lines = reproduction_lines([row(ours=(3.0, 3.0), verdict="contradicts_itself", derived=own)])
    assert lines[1] == ("", "by its own table of widths: 2 * d = 2.95 to 3.05")


@pytest.mark.parametrize(("ours", "words"), [((1e9, 1e9), "ours 1B"), ((1e9, 2e9), "ours 1B to 2B")])
def test_a_range_is_said_by_its_ends_in_the_printed_unit(ours, words):
    lines = reproduction_lines([row(printed="1.7B", ours=ours, law="t2030")])
    assert lines == [("reproduced", f"it grows: printed 1.7B, {words}")]


def test_a_claim_without_its_data_says_which():
    waiting = row(verdict=None, ours=(math.nan, math.nan), pending="data set runs: not found")
    assert reproduction_lines([waiting]) == [
        ("needs data", "a-law: it grows: printed 2.0, data set runs: not found")
    ]
    assert counts_line([reproduced(waiting, row())]) == "1 reproduced, 1 needs data"


def reproduced(*rows):
    return Reproduced(text=ClaimText(text="t2030", about="a text of tests"), rows=rows)


def test_the_page_counts_verdicts_and_has_a_section_for_each_text():
    page = ledger_page(
        [reproduced(row(), DIFFERS), Reproduced(text=ClaimText(text="none", about="no number"), rows=())]
    )
    assert "| t2030 | 2 | 1 | 1 | 0 | 0 | 0 |" in page
    assert "| **all** | 2 | 1 | 1 | 0 | 0 | 0 |" in page
    assert text_section(reproduced(row(), DIFFERS)) in page
    assert "- none: no number" in page


def test_a_bar_in_words_does_not_end_a_cell_of_the_page():
    section = text_section(reproduced(row(claim="the sum of |r|")))
    assert "the sum of \\|r\\|" in section


def test_texts_are_listed_with_the_data_that_they_need():
    texts = [ClaimText(text="a", about="one"), ClaimText(text="b", about="two", data=("runs",))]
    assert text_lines(texts) == [("a", "one"), ("b", "two (needs runs in OPTIMOE_DATA)")]


def loss_by_depth():
    """Loss by depth."""
    series = Series(name="dense", x=(1.0,), y=(2.0,), note="at 1B")
    return TextFigure(key="depth", title="Loss", x="layers", y="nats", series=(series,), x_log=True, notes=("n",))


def test_figures_are_named_with_the_command_that_shows_one():
    assert figure_name_lines("t2030", {"2": loss_by_depth}) == [
        ("figures", "2: Loss by depth"),
        ("", "optimoe reproduce t2030 --figure KEY shows one"),
    ]
    assert figure_name_lines("t2030", {}) == []


def test_a_figure_says_its_axes_and_conditions():
    assert figure_lines(loss_by_depth()) == [
        ("Figure depth", "Loss"),
        ("x", "layers (logarithmic)"),
        ("y", "nats"),
        ("Notes", "n"),
        ("", "dense: at 1B"),
    ]
