import numpy as np
import pytest

from optimoe.cost.kernels.measured.grid import RatioGrid


@pytest.fixture
def grid():
    sizes = np.array([1, 1, 4, 4, 16]), np.array([8, 64, 8, 64, 8])
    measured = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    return RatioGrid.of(sizes, measured, np.ones(5))


def test_a_grid_is_exact_at_its_points_and_between_them_in_logarithms(grid):
    ratio, known = grid.ratio(np.array([1, 4, 16, 2]), np.array([64, 8, 8, 8]))
    assert known.all()
    assert ratio == pytest.approx([2, 3, 5, np.sqrt(3)])


def test_outside_a_grid_and_in_its_holes_nothing_is_known(grid):
    ratio, known = grid.ratio(np.array([0.5, 17, 1, 8, 16]), np.array([8, 8, 100, 32, 64]))
    assert not known.any()
    assert (ratio == 1).all()


def test_of_several_measurements_at_one_point_the_fastest_counts():
    grid = RatioGrid.of((np.array([2, 2]),), np.array([3.0, 1.5]), np.array([1.0, 1.0]))
    assert grid.ratio(2)[0] == pytest.approx(1.5)
