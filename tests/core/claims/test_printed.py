"""What a printed number stands for."""

import math

import pytest

from optimoe.core.claims import as_printed, gap, printed_range, printed_value
from optimoe.core.errors import InputError


@pytest.mark.parametrize(
    ("printed", "value", "low", "high"),
    [
        ("2.85B", 2.85e9, 2.845e9, 2.855e9),
        ("990M", 9.9e8, 989.5e6, 990.5e6),
        ("1.10", 1.1, 1.095, 1.105),
        ("-0.082", -0.082, -0.0825, -0.0815),
        ("36%", 0.36, 0.355, 0.365),
        ("4.97e25", 4.97e25, 4.965e25, 4.975e25),
        (">7", 7.0, 7.0, math.inf),
        ("≥32", 32.0, 31.5, math.inf),
        ("<1", 1.0, -math.inf, 1.0),
    ],
)
def test_a_printed_number_stands_for_what_rounds_to_it(printed, value, low, high):
    assert printed_value(printed) == pytest.approx(value)
    assert printed_range(printed) == pytest.approx((low, high))


def test_a_printed_range_reaches_from_the_rounding_of_one_end_to_that_of_the_other():
    assert printed_range("23.7% to 42.8%") == pytest.approx((0.2365, 0.4285))
    assert math.isnan(printed_value("23.7% to 42.8%"))


def test_about_can_allow_more_than_the_last_digit():
    assert printed_range("400B", 5e9) == (395e9, 405e9)


def test_words_are_no_printed_number():
    with pytest.raises(InputError, match="about"):
        printed_range("about 10")


@pytest.mark.parametrize(
    ("ours", "whole", "distance"),
    [
        ((1.2, 1.3), False, 0.0),
        ((2.5, 3.0), False, 0.5),
        ((0.2, 0.25), False, 0.75),
        ((1.5, 3.0), False, 0.0),
        ((1.5, 3.0), True, 1.0),
        ((math.nan, math.nan), False, math.inf),
    ],
)
def test_the_gap_is_the_distance_to_the_printed_range(ours, whole, distance):
    assert gap((1.0, 2.0), ours, whole=whole) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("value", "printed", "words"),
    [
        (1.7272e9, "1.7B", "1.7272B"),
        (0.4007386, "40%", "40.074%"),
        (0.0065925344187, "0.0065925344", "0.0065925344"),
        (30.399252, "30.3640", "30.399252"),
        (0.583, "23.7% to 42.8%", "58.3%"),
        (7.2447, ">7", "7.2447"),
        (26.7, "", "26.7"),
    ],
)
def test_a_number_of_ours_is_written_in_the_unit_of_the_printed_one(value, printed, words):
    assert as_printed(value, printed) == words
