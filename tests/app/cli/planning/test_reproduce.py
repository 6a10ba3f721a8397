"""``optimoe reproduce``."""

import pytest

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
