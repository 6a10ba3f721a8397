"""Where an answer lies in what a law was fitted on, in numbers and in a line."""

import pytest

from optimoe.laws.domain import reach
from optimoe.laws.domain.reach import symbol_words

RANGES = {"C": (1e18, 1e21), "E": (1, 64), "D": (1e9, 1e12)}


def test_what_lies_beyond_says_the_end_and_how_far():
    found = reach({"C": 1e24, "E": 8, "D": 1e8}, RANGES, ())
    assert [one.symbol for one in found.beyond] == ["C", "D"]
    assert [one.decades for one in found.placed] == [pytest.approx(3), 0, pytest.approx(1)]
    assert found.words == (
        "beyond its range: C 1.00e24, fitted to 1.00e21 (3.0 decades); D 100M, fitted from 1.00B (1.0 decades); "
        "inside: E"
    )


def test_a_range_that_nobody_stated_is_never_one_that_an_answer_is_inside():
    assert reach({"E": 8}, RANGES, ("F",)).words == "inside its range: E; not stated for F"
    assert reach({"F": 8}, RANGES, ("F",)).words == "not stated for F"
    assert reach({}, RANGES, ()).words == "not stated"


def test_a_little_beyond_is_beyond_without_decades_of_zero():
    assert reach({"E": 65}, RANGES, ()).words == "beyond its range: E 65.0, fitted to 64.0"


def test_flops_are_told_by_their_power_of_ten_and_counts_by_a_prefix():
    assert (symbol_words("C", 1.75e11), symbol_words("C", 1e22)) == ("1.75e11", "1.00e22")
    assert symbol_words("N", 1.75e11) == "175B"
