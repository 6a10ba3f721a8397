"""Columns of raw cells from anything that is a table, as numbers or text."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.runs.tables.cells import as_text, columns_of, numbers_among_text, typed


def cells(*values):
    return columns_of({"a": list(values)})["a"]


def test_cells_are_numbers_where_all_are_in_any_writing():
    np.testing.assert_array_equal(typed(cells("1M", 2, None, "", "3,000")), [1e6, 2, np.nan, np.nan, 3000])
    assert typed(cells("1M", "x")).tolist() == ["1M", "x"]


def test_whole_numbers_are_written_in_full():
    assert as_text(np.array([1234567.0, 0.5, np.nan, 1e18])).tolist() == ["1234567", "0.5", "", "1e+18"]


def test_ids_of_seven_digits_stay_apart():
    assert len(set(as_text(typed(cells(1234567, 1234568))).tolist())) == 2


def test_slips_among_numbers_are_named_by_row():
    numbers, slips = numbers_among_text(cells("3.1", "OOM", "2.9"))
    np.testing.assert_array_equal(numbers, [3.1, np.nan, 2.9])
    assert slips == {1: "OOM"}


@pytest.mark.parametrize("table", [5, "x", None, [1, 2], [None], {"a": 1}, {"a": [1], "b": [1, 2]}, {"a": "text"}])
def test_what_is_no_table_is_one_line(table):
    with pytest.raises(ConfigError):
        columns_of(table)


def test_a_hostile_cell_is_text():
    cell = "{" * 100_000
    assert columns_of([{"config": cell}])["config"].tolist() == [cell]


def test_numbers_too_large_for_a_float_are_text():
    assert typed(cells(10**400)).dtype == object
