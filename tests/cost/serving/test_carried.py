"""Whole deployments: the fewest that carry a load, as numbers and as grids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.cost.serving.carried import carried

POSITIVE = st.floats(1e-3, 1e9)


@given(load=POSITIVE, rate=POSITIVE, gpus=st.integers(1, 64), price=st.floats(0.0, 100.0))
def test_the_number_of_deployments_is_the_smallest_that_carries_the_load(load, rate, gpus, price):
    fleet = carried(load, tokens_per_s=rate, num_gpus=gpus, usd_per_gpu_hour=price)
    number = int(fleet.deployments)
    assert number * rate >= load * (1 - 1e-9)
    assert (number - 1) * rate < load
    assert fleet.num_gpus == number * gpus
    assert fleet.usd_per_hour == number * gpus * price
    assert fleet.utilisation == pytest.approx(load / (number * rate))


def test_a_load_that_fills_deployments_exactly_takes_none_more():
    assert carried(0.1 + 0.2, tokens_per_s=0.3, num_gpus=1, usd_per_gpu_hour=1.0).deployments == 1
    assert carried(0.3001, tokens_per_s=0.3, num_gpus=1, usd_per_gpu_hour=1.0).deployments == 2


def test_a_grid_is_carried_as_each_of_its_designs_and_none_by_what_serves_nothing():
    rates = np.array([0.0, 30.0, 100.0])
    fleet = carried(100.0, tokens_per_s=rates, num_gpus=8, usd_per_gpu_hour=2.0)
    assert fleet.deployments.tolist() == [0, 4, 1]
    assert fleet.utilisation.tolist() == pytest.approx([0, 100 / 120, 1])
    assert fleet.usd_per_hour.tolist() == [0, 64, 16]
