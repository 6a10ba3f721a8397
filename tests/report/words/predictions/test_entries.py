"""A prediction in words: numbers in their units."""

import pytest

from optimoe.core.predictions import LedgerEntry
from optimoe.report.words.predictions.entries import band_words, entry_lines, number_words
from tests.core.predictions.cases import said, settled


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0081, "s", "8.10 ms"),
        (8e10, "bytes", "80.0 GB"),
        (1.24e6, "$", "$1.24M"),
        (0.43, "$/Mtok", "$0.43/Mtok"),
        (5.86e12, "tokens", "5.86T tokens"),
        (3102.4, "tokens/s", "3,102 tokens/s"),
        (2.9e6, "GPU h", "2,900,000 GPU h"),
        (3.3e24, "FLOP", "3.30e24 FLOP"),
        (2.0213, "nats/token", "2.021 nats/token"),
        (0.4, "", "0.4"),
        (-0.5, "s", "-0.5 s"),
    ],
)
def test_a_number_stands_with_its_unit(value, unit, words):
    assert number_words(value, unit) == words


def test_a_band_states_its_level():
    assert band_words(said()) == "5.00 ms – 10.0 ms (0.9)"
    fast = said(unit="tokens/s", value=3100.0, low=2319.0, high=4260.0)
    assert band_words(fast) == "2,319 – 4,260 tokens/s (0.9)"
    assert band_words(said(value=0.9, low=0.5, high=1.5)) == "500 ms – 1.50 s (0.9)"
    assert band_words(said(low=None, high=None, level=None)) == "–"


def test_a_prediction_says_who_made_it_and_what_came():
    lines = entry_lines(settled(said(), 0.02))
    assert lines[0] == ("Predicted", "tpot: 8.00 ms, band 5.00 ms – 10.0 ms (0.9)")
    assert lines[1:3] == [
        ("Made by", "optimoe cost moe --json → tpot_s"),
        ("", "optimoe 0.1.0, 2026-01-02T03:04:05Z"),
    ]
    assert ("Outcome", "20.0 ms, above the band, 2.5 of what was predicted") in lines
    assert lines[-1] == ("", "bench, 2026-01-03")


def test_a_typed_number_says_that_it_was_typed():
    bare = said(low=None, high=None, level=None, what="", command="", version="", settled_by="")
    assert entry_lines(LedgerEntry(prediction=bare)) == [
        ("Predicted", "tpot: 8.00 ms, without a band"),
        ("Made by", "typed"),
        ("", "2026-01-02T03:04:05Z"),
    ]
