"""Observations that were made in Python have rows as a table's are counted."""

import numpy as np

from optimoe.laws.runs import Observations


def test_rows_are_numbered_from_1_where_no_table_says_them():
    runs = Observations(variables={"N": np.array([1e8, 1e9])}, loss=np.array([3.0, 2.5]))
    assert runs.rows.tolist() == [1, 2]
