"""Energy is GPU hours at the board's limit, times what a data centre takes beside."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.energy import energy_kwh, kwh_per_mtok

H100 = find_accelerator("h100-sxm")


def test_a_million_tokens_take_their_gpu_hours():
    eight = Cluster(accelerator=H100, num_gpus=8)
    assert energy_kwh(10.0, H100) == pytest.approx(10 * 0.7 * 1.58)
    assert kwh_per_mtok(eight, 1000.0) == pytest.approx(energy_kwh(8 * 1e6 / 1000 / 3600, H100))
    grid = kwh_per_mtok(eight, np.array([1000.0, 4000.0]))
    assert grid[0] == pytest.approx(4 * grid[1])


def test_energy_is_not_known_where_the_power_of_a_board_is_not():
    unknown = replace(H100, power_w=0.0)
    assert math.isnan(energy_kwh(10.0, unknown))
    assert np.isnan(kwh_per_mtok(Cluster(accelerator=unknown, num_gpus=8), np.array([1.0, 2.0]))).all()
