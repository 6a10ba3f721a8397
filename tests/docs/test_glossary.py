"""The glossary has every label and every head of a table that results print."""

import re
from pathlib import Path

from optimoe.arch.catalog import model_names
from optimoe.core.results.shown import view_of
from optimoe.laws.catalog import law_names
from optimoe.report.words.lines import Table
from tests.app.test_every_result import RESULTS, result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"


def entries():
    rows = re.findall(r"^\| (\*\*.*?) \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {word.lower() for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row)}


def plain(word):
    """A label as the glossary lists it: a percentile by itself, a ratio without its place, a pair in two."""
    word = re.sub(r" at \d.*| p\d+$", "", word.lower())
    return word.split(", ")


def printed():
    """Labels and heads of all results, but for names and coefficients."""
    words = set()
    for name in RESULTS:
        for block in view_of(result(name)).blocks():
            if isinstance(block, Table):
                words |= set(block.rows[0])
            elif not isinstance(block, str):
                words |= {str(label) for label, _ in block}
    named = {*law_names(), *model_names(), *result("fit").coefficients, "L"}
    return {part for word in words - named if word for part in plain(word)}


def test_every_label_and_head_is_explained():
    assert len(printed()) > 80
    assert printed() - entries() == set()


def test_no_word_is_explained_twice_but_those_of_two_meanings():
    rows = re.findall(r"^\| (\*\*.*?) \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    words = [word.lower() for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row)]
    assert {word for word in words if words.count(word) > 1} <= {"total"}
