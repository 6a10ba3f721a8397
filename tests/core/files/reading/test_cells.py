"""Cells of a table as numbers, however people write them."""

import math

import numpy as np
import pytest

from optimoe.core.files.reading.cells import plain_numbers, read_number, read_number_columns, read_numbers


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("123M", 123e6),
        ("45.6B", 45.6e9),
        ("45.6 b", 45.6e9),
        ("1.2T", 1.2e12),
        ("1.2e9", 1.2e9),
        ("1,234,567", 1234567),
        ("1,234,567.5", 1234567.5),
        ("1 234 567", 1234567),
        ("1\u202f234\u202f567", 1234567),
        ("1'234'567", 1234567),
        (" 7 ", 7),
        ("-0.5", -0.5),
        (".5", 0.5),
    ],
)
def test_a_number_is_read_as_people_write_it(cell, number):
    assert read_number(cell) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    ("cell", "number"), [("1,5", 1.5), ("1.234.567,8", 1234567.8), ("12,5B", 12.5e9), ("7", 7)]
)
def test_a_decimal_comma_is_read_where_it_is_the_mark(cell, number):
    assert read_number(cell, ",") == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    "cell", ["OOM", "1,5", "1,23,456", "1,234.567.8", "-e5", "+", "1e400", "12 34", "B", "--"]
)
def test_what_is_no_number_is_none(cell):
    assert read_number(cell) is None


def test_a_decimal_point_is_no_number_where_the_comma_is_the_mark():
    assert read_number("1.5", ",") is None


@pytest.mark.parametrize("blank", ["", " ", "NA", "n/a", "None", "null", "NaN", "-"])
def test_blanks_are_no_number_but_no_text_either(blank):
    assert math.isnan(read_number(blank))
    np.testing.assert_array_equal(read_numbers(["1M", blank]), [1e6, math.nan])


def test_plain_numbers_with_empty_cells_are_read_at_once_and_others_are_left():
    np.testing.assert_array_equal(plain_numbers(["1", "", "2e9"]), [1, math.nan, 2e9])
    assert plain_numbers(["1", "12M"]) is None


def settled(separator, has_points=False, **columns):
    read = read_number_columns(columns, separator, lambda: has_points)
    return {name: numbers.tolist() for name, numbers in read.items()}


def test_thousands_are_told_from_decimals_by_another_column():
    assert settled(";", N=["1,234", "5,678"], loss=["2,5", "3,1"]) == {"N": [1.234, 5.678], "loss": [2.5, 3.1]}
    assert settled(";", N=["1,234", "5,678"], D=["1,234,567", "2"]) == {"N": [1234, 5678], "D": [1234567, 2]}
    assert settled(";", has_points=True, N=["1,234", "5,678"]) == {"N": [1234, 5678]}


def test_thousands_between_commas_are_thousands():
    assert settled(",", N=["1,234", "5,678"]) == {"N": [1234, 5678]}


def test_a_column_that_could_be_both_stays_text():
    assert settled(";", N=["1,234", "5,678"]) == {}


def test_decimal_commas_beside_points_or_between_commas_stay_text():
    assert settled(",", loss=["1,5", "2,5"]) == {}
    assert settled(";", has_points=True, loss=["1,5", "2,5"]) == {}


def test_prefixes_are_read_where_nothing_says_which_mark():
    assert settled(";", N=["12M", "3B"], run=["a", "b"]) == {"N": [12e6, 3e9]}
