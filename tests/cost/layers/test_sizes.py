from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.cost.layers.sizes import deepest_stage_share, layer_sizes

DEEPSEEK = find_model("deepseek-v3")


def test_sizes_are_those_of_each_group_of_layers():
    dense, routed = layer_sizes(DEEPSEEK)
    assert (dense.num_layers, routed.num_layers) == (3, 58)
    assert (dense.dense_hidden, routed.dense_hidden) == (3 * 18432, 0)
    params = count_params(DEEPSEEK)
    columns = sum(sizes.num_layers * sizes.mixer_columns for sizes in (dense, routed))
    assert columns * DEEPSEEK.d_model == pytest.approx(params.attention, rel=1e-3)  # vectors are left out


def test_a_grid_of_designs_has_the_sizes_of_its_members():
    widths = np.array([1024, 2048])
    grid = replace(find_model("llama-3.1-8b"), d_model=widths)
    (sizes,) = layer_sizes(grid)
    for index, width in enumerate(widths):
        (one,) = layer_sizes(replace(grid, d_model=int(width)))
        assert (sizes.norm_values[index], sizes.mixer_columns[index]) == (one.norm_values, one.mixer_columns)


@pytest.mark.parametrize(("pp", "layers"), [(1, 61), (2, 31), (4, 16), (61, 1)])
def test_the_deepest_stage_holds_the_layers_that_do_not_divide(pp, layers):
    assert deepest_stage_share(DEEPSEEK, pp) == pytest.approx(layers / 61)
