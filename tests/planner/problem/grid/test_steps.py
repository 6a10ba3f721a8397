"""Steps of widths, depths, heads and experts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.planner.problem.grid.steps import depths_of, expert_width, heads_of, widths_of


def test_widths_are_finer_for_small_models_than_for_large_ones():
    widths = widths_of(16_384, 0)
    assert widths[:9].tolist() == [256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2560]
    assert widths[-2:].tolist() == [15_360, 16_384]
    assert np.all(np.diff(widths) > 0)
    assert widths_of(1000, 0).tolist() == [256, 512, 768]
    assert widths_of(1000, 384).tolist() == [384, 768]


def test_deeper_models_have_depths_that_more_pipeline_ranks_divide():
    depths = depths_of(200, 0, (1,))
    assert np.all(depths[depths > 8] % 2 == 0)
    assert np.all(depths[depths > 32] % 4 == 0)
    assert np.all(depths[depths > 96] % 8 == 0)
    assert {1, 7, 8, 32, 48, 64, 80, 96, 128} <= set(depths.tolist())
    assert 61 not in depths
    assert 61 in depths_of(200, 1, (1,))


def test_every_period_of_dense_and_routed_layers_has_depths_of_its_own():
    depths = depths_of(60, 0, (1, 3))
    assert set(depths_of(60, 0, (1,)).tolist()) < set(depths.tolist())
    assert sum(depths % 3 == 0) >= len(depths_of(60, 0, (3,))) > 10


@settings(deadline=None)
@given(st.integers(1, 64), st.sampled_from([64, 128]))
def test_heads_come_in_eights_or_a_power_of_two_below_and_span_the_width_nearly(steps, head_dim):
    width = 256 * steps
    heads = int(heads_of(width, head_dim, 8))
    assert heads % 8 == 0 or heads in (1, 2, 4)
    assert 2 / 3 <= heads * head_dim / width <= 4 / 3


@pytest.mark.parametrize("width", [6016, 3200, 4608, 2560, 3584])
def test_no_width_has_heads_that_eight_gpus_do_not_share(width):
    assert heads_of(width, 128, 8) % 8 == 0


@settings(deadline=None)
@given(st.floats(64, 40_000))
def test_experts_are_whole_tiles_of_128_or_of_64_where_they_are_narrow(wanted):
    width = int(expert_width(wanted, stated=False))
    assert width % (128 if wanted >= 512 else 64) == 0
    assert abs(width - wanted) <= (64 if wanted >= 512 else 32)
    assert expert_width(wanted) % 64 == 0
