"""Grids of designs with their loss."""

import numpy as np
import pytest

from tests.planner.asked import problem


def test_losses_of_a_whole_space_are_what_the_law_says():
    from optimoe.planner.search.pools import first_pools

    asked = problem()
    for family, pool in first_pools(asked).items():
        tokens = np.full(len(pool.params_active), 1e11)
        spec = pool.grid.at(3)
        assert pool.loss(tokens)[3] == pytest.approx(float(asked.law.arch_loss(spec, 1e11))), family
