"""The front of two columns."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimoe.planner.pareto import front_members


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30))
def test_the_front_is_what_the_definition_says(points):
    first, second = np.array(points, dtype=float).T
    kept = front_members(first, second)
    for i, (a, b) in enumerate(points):
        beats = [(x, y) for x, y in points if x <= a and y <= b and (x, y) != (a, b)]
        twin_before = (a, b) in points[:i]
        assert kept[i] == (not beats and not twin_before)
