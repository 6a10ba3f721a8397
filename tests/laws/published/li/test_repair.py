"""What App. B.3 of Li 2026 does to the best ratios of runs."""

import numpy as np
import pytest

from optimoe.laws.published.li.repair import growth_built_in, repaired

RATIOS = np.array([0.3, 0.6, 1.2])


@pytest.mark.parametrize(
    ("second", "best"),
    [
        ([2.0, 2.0005, 2.1], 0.6),  # falls, and a neighbour within 0.001 nats does not
        ([2.0, 2.0011, 2.1], 0.3),  # falls, and no neighbour is near enough
        ([2.1, 2.0005, 2.0], 1.2),  # rises: nothing is moved
        ([2.0, 2.1, 2.0005], 1.2),  # the smallest that does not fall
    ],
)
def test_a_minimum_that_falls_gives_way_within_a_thousandth_of_a_nat(second, best):
    found = repaired(np.array([[2.2, 2.0, 2.2], second]), RATIOS)
    np.testing.assert_array_equal(found, [0.6, best])


def test_growth_is_built_in_where_the_valley_is_shallow_and_not_where_it_is_deep():
    figure = growth_built_in()
    shown = {one.name: one for one in figure.series}
    moved, measured = shown["after App. B.3"], shown["as measured"]
    assert all(low < 0 < high for low, high in zip(measured.low, measured.high, strict=True))
    assert moved.low[0] > 0.005  # a valley that noise hides
    assert abs(moved.y[-1]) < 0.003
    assert max(moved.y) < 0.2 * shown["printed β_r at this S"].y[0]
    assert figure.notes[0].startswith("synthetic runs: ")
