"""Families, shapes and grids of designs."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.flops import expert_attention_ratio
from optimoe.planner.problem.space import Space
from tests.planner.asked import SMALL


def test_families_are_every_combination_and_dense_once():
    space = Space(num_experts=(1, 8, 64), top_k=(1, 8), ffn_ratio=(3.0, 0.75), attention=("gqa", "mla"))
    families = space.families()
    assert len(families) == len(set(families)) == 2 * (1 + 4 + 4)
    assert {one.ffn_ratio for one in families if one.dense} == {3.0}
    assert all(one.top_k <= one.num_experts for one in families)


def test_a_grid_of_families_is_each_family_alone():
    space = replace(SMALL, top_k=(1, 4), num_shared_experts=(0, 1))
    shapes = space.coarse()
    routed = [one for one in space.families() if not one.dense]
    together = space.designs(dict.fromkeys(routed, shapes))
    for number, family in enumerate(routed):
        alone = space.designs({family: shapes})
        for index in (0, len(shapes.d_model) - 1):
            assert together.at(number * len(shapes.d_model) + index) == alone.at(index)


@pytest.mark.parametrize("shared", [0, 1])
def test_a_ratio_of_experts_to_attention_sets_the_width_of_every_expert(shared):
    space = replace(SMALL, num_experts=(1, 16), expert_attention_ratio=(0.5, 2.0), num_shared_experts=(shared,))
    routed = [one for one in space.families() if not one.dense]
    assert {one.expert_attention_ratio for one in routed} == {0.5, 2.0}
    shapes = space.every()
    for family in routed:
        grid = space.designs({family: shapes})
        ratio, width = expert_attention_ratio(grid, 4096), grid.moe.d_expert
        half_a_step = 32 / width * ratio
        assert np.all(np.abs(ratio - family.expert_attention_ratio) <= half_a_step), family
