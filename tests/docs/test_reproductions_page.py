"""The page of reproductions is that of the code: cheap texts line by line, of all texts the counts.

``tests/long`` runs the texts that take many fits.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from optimoe.core.claims import EXPLAINED_SHARE
from optimoe.planner.published.ledger import claim_texts, reproduce_text
from optimoe.report.words.texts.reproduce_prose import PAGE_HEAD, VERDICTS, text_section
from tests.verdicts import assert_computed

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reproductions.md").read_text(encoding="utf-8")
LIGHT = [name for name, text in claim_texts().items() if not text.heavy]


def cells(line):
    return [cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|")]


def section_rows(name):
    section = PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return [cells(line) for line in section.splitlines() if line.startswith("| ")][2:]


@pytest.mark.parametrize("name", LIGHT)
def test_a_text_stands_there_as_the_code_reproduces_it_and_each_verdict_follows_from_what_was_run(name):
    """Both in one test: a text is reproduced once."""
    done = reproduce_text(name)
    for row in done.rows:
        assert row.text == name
        if row.verdict is not None:
            assert_computed(row)
    if any(row.verdict is None for row in done.rows) and "OPTIMOE_DATA" not in os.environ:
        pytest.skip(next(row.pending for row in done.rows if row.pending))
    if done.rows:
        assert text_section(done).strip() in PAGE, "run optimoe reproduce --all"
    else:
        assert f"- {name}: {done.text.about}" in PAGE


def test_its_counts_are_those_of_its_own_rows():
    assert PAGE.startswith(PAGE_HEAD)
    table = {row[0]: row[1:] for row in map(cells, PAGE.splitlines()) if len(row) == len(VERDICTS) + 2}
    total = Counter()
    for name in claim_texts():
        rows = section_rows(name)
        counts = Counter(row[5] for row in rows)
        total += counts
        if rows:
            assert table[name] == [str(len(rows)), *(str(counts[verdict]) for verdict in VERDICTS)]
    assert table["**all**"] == [str(total.total()), *(str(total[verdict]) for verdict in VERDICTS)]


@pytest.mark.parametrize("name", claim_texts())
def test_a_verdict_on_the_page_stands_beside_the_run_that_gives_it(name):
    """``tests/planner/published`` and ``tests/long`` judge them again; here all stand as they were judged."""
    for row in section_rows(name):
        causes = re.findall(r"closes (-?\d+)%: ([^;]*)", row[6])
        closed = [int(share) for share, words in causes if "(ruled out by the text)" not in words]
        if row[5] == "explained":
            assert max(closed) >= 100 * EXPLAINED_SHARE, row
        elif row[5] == "not reproduced":
            assert max(closed, default=0) <= 100 * EXPLAINED_SHARE, row
        elif row[5] == "contradicts itself":
            assert re.search(r"by its own .* = ", row[6]), row


def test_it_was_made_with_the_data_at_hand():
    assert "needs data |" not in PAGE.partition("\n## ")[2]


@pytest.mark.parametrize("name", [name for name, text in claim_texts().items() if text.heavy])
def test_a_text_of_many_fits_has_its_section(name):
    assert len(section_rows(name)) > 10
