"""Families, shapes and grids of designs."""

import csv
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.planner.problem.grid.steps import MISS
from optimoe.planner.problem.space import Space
from optimoe.planner.search.listing import priced_whole
from tests.planner.asked import SMALL, plain

DATA = Path(os.environ.get("OPTIMOE_DATA", "/none"))


def test_families_are_every_combination_and_dense_once():
    space = plain(num_experts=(1, 8, 64), top_k=(1, 8), ffn_ratio=(3.0, 0.75), attention=("gqa", "mla"))
    families = space.families()
    assert len(families) == len(set(families)) == 2 * (1 + 4 + 4)
    assert {one.ffn_ratio for one in families if one.dense} == {3.0}
    assert all(one.top_k <= one.num_experts for one in families)


def test_no_family_routes_to_more_than_a_quarter_of_its_experts_but_for_its_smallest_k():
    space = Space(num_experts=(4, 8, 64), top_k=(2, 4, 8))
    kept = {(one.num_experts, one.top_k) for one in space.families()}
    assert kept == {(4, 2), (8, 2), (64, 2), (64, 4), (64, 8)}
    every = {(one.num_experts, one.top_k) for one in replace(space, max_active_share=1.0).families()}
    assert every == kept | {(4, 4), (8, 4), (8, 8)}


def outside(row, space):
    """The axes of the default space on which a published design lies outside."""
    d, layers, experts, k, shared, width = (
        float(row[name]) for name in ("d_model", "n_layers", "num_experts", "top_k", "num_shared", "d_expert")
    )
    narrow, wide = min(space.active_ffn_ratio), max(space.active_ffn_ratio)
    inside = {
        "width of a token's experts": narrow * (1 - MISS) <= (k + shared) * width / d <= wide * (1 + MISS),
        "key-value heads": row["attention"] != "gqa" or int(row["n_kv_heads"]) in space.num_kv_heads,
        "top-k": k in space.top_k,
        "shared experts": shared in space.num_shared_experts,
        "attention": row["attention"] in space.attention,
        "first dense layers": float(row["n_dense_layers_first"] or 0) in space.first_dense_layers,
        "d_model over layers": space.min_aspect <= d / layers <= space.max_aspect,
        "experts": experts in space.num_experts,
        "heads": int(row["n_heads"]) % space.heads_step == 0,
        "d_model": d in space.widths,
    }
    return {name for name, kept in inside.items() if not kept}


def test_the_page_counts_the_labs_designs_that_lie_outside_the_default_space():
    labs = DATA / "lab_designs" / "lab_designs.csv"
    if not labs.exists():
        pytest.skip("OPTIMOE_DATA does not hold lab_designs")
    whole = ("d_model", "n_layers", "num_experts", "top_k", "num_shared", "d_expert")
    every = csv.DictReader(labs.read_text().splitlines())
    rows = [row for row in every if row["kind"] == "moe" and all(row[name] for name in whole)]
    assert len(rows) == 33
    counted = Counter(name for row in rows for name in outside(row, Space()))
    page = (Path(__file__).parents[3] / "docs" / "planning.md").read_text()
    table = dict(re.findall(r"^\| ([^|]+?)(?: \(1\.75 to 4\.5 by tiles\))? \| (\d+)", page, flags=re.MULTILINE))
    kinds = counted.pop("attention")
    assert {name: int(table[name]) for name in counted} == dict(counted)
    assert f"{kinds - 3} with a key-value head for each head, 3 hybrids" in page
    assert f"{Space().size:,} designs" in page


def test_the_default_space_has_a_million_points_of_designs_and_layouts():
    space = Space()
    layouts = 4  # of eight GPUs at the very least: tensor parallel of 1, 2, 4 and 8, data parallel beside it
    assert space.size * layouts >= 1e6
    labs = {(64, 8), (128, 8), (256, 8), (128, 4), (32, 4), (8, 2), (16, 1), (128, 1)}
    assert labs <= {(one.num_experts, one.top_k) for one in space.families()}


@pytest.mark.parametrize(("every", "first"), [((1,), 0), ((2, 3), 0), ((1, 2), 3)])
def test_a_grid_of_families_is_each_family_alone(every, first):
    space = replace(SMALL, top_k=(1, 4), num_shared_experts=(0, 1), moe_every=every, first_dense_layers=(first,))
    shapes = space.every()
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


MIXED = replace(SMALL, num_experts=(1, 16), top_k=(2,), moe_every=(1, 2, 3), first_dense_layers=(0, 1, 3))


def test_every_nth_layer_routes_but_the_first_dense_ones():
    for family in MIXED.families():
        grid = MIXED.designs({family: MIXED.of(family, MIXED.every())})
        for index in (0, -1):
            stacked = MIXED.stacked(family, grid.at(index))
            routes = [isinstance(group.ffn, MoE) for group in stacked.layers for _ in range(group.num_layers)]
            wanted = [
                not family.dense and layer >= family.first_dense_layers and (layer + 1) % family.moe_every == 0
                for layer in range(stacked.num_layers)
            ]
            assert routes == wanted, family
            assert count_params(stacked) == count_params(grid.at(index))


def test_a_pattern_is_one_family_however_it_is_stated():
    patterns = {(one.moe_every, one.first_dense_layers) for one in MIXED.families() if not one.dense}
    assert patterns == {(1, 0), (1, 1), (1, 3), (2, 0), (2, 2), (3, 0), (3, 3)}
    assert len([one for one in MIXED.families() if one.dense]) == 1


def test_dense_layers_are_as_wide_as_all_experts_of_a_token_so_that_the_active_size_stays_but_for_routers():
    space = replace(SMALL, num_experts=(16,), top_k=(2,), num_shared_experts=(1,), moe_every=(1, 2))
    every, second = (space.designs({family: space.every()}) for family in space.families())
    assert second.layers[0].ffn.d_ff.tolist() == (3 * every.moe.d_expert).tolist()
    one, two = count_params(every), count_params(second)
    assert np.all(one.active - one.router == two.active - two.router)
    assert np.all(two.total < one.total)
    expert = replace(space, dense_layer_width="expert")
    narrow = expert.designs({expert.families()[1]: expert.every()})
    assert narrow.layers[0].ffn.d_ff.tolist() == narrow.moe.d_expert.tolist()


def test_shapes_without_a_routed_layer_are_no_designs_of_a_family():
    space = replace(SMALL, num_experts=(16,), moe_every=(1, 12))
    every, rare = space.families()
    assert space.of(every, space.every()).num_layers.min() == 8
    assert space.of(rare, space.every()).num_layers.min() == 12
    assert space.size == len(space.every().d_model) + (space.every().num_layers % 12 == 0).sum()
    with pytest.raises(InfeasibleError, match="moe_every: no depth"):
        replace(space, moe_every=(1000,)).all_members()
    with pytest.raises(ConfigError, match="moe_every: must be positive, got 0"):
        replace(space, moe_every=(0,))
    with pytest.raises(ConfigError, match="first_dense_layers: must be zero or more, got -1"):
        replace(space, first_dense_layers=(-1,))


def test_designs_of_a_family_route_one_share_of_their_layers():
    space = replace(SMALL, num_experts=(1, 16), moe_every=(2,))
    _, routed = (space.designs({family: own}) for family, own in space.all_members().items())
    dense, experts = routed.layers
    assert np.all(dense.num_layers == experts.num_layers)
    assert np.any(space.of(space.families()[0], space.every()).num_layers % 2 == 1)


def test_at_a_constant_total_every_number_of_experts_stores_as_many_parameters():
    space = plain(num_experts=(1, 4, 16, 64), top_k=(2,), params_total=47e9, params_tolerance=0.015)
    members = space.all_members()
    assert [family.num_experts for family in members] == [1, 4, 16, 64]
    active = []
    for family, shapes in members.items():
        params = count_params(space.designs({family: shapes}))
        assert np.all(np.abs(params.total / 47e9 - 1) <= 0.015)
        active.append(params.active.max())
        rest = space.deep(family, space.every())
        inside = np.abs(count_params(space.designs({family: rest})).total / 47e9 - 1) <= 0.015
        assert inside.sum() == len(shapes.d_model) > 0
    assert active == sorted(active, reverse=True)
    assert priced_whole(space, space.size, 14)


def test_a_total_that_no_shape_has_is_said_with_the_nearest():
    space = plain(num_experts=(1, 8), params_total=1e6)
    with pytest.raises(
        InfeasibleError, match=r"params_total: no width and depth .* within 2% of 1.00M; the nearest, dense"
    ):
        space.all_members()
    with pytest.raises(ConfigError, match="params_tolerance: must be above 0 and below 1, got 1"):
        replace(space, params_tolerance=1.0)


def test_windows_and_linear_layers_are_no_part_of_a_space_that_does_not_state_them():
    assert {(one.attention, one.window_tokens, one.full_every) for one in Space().families()} == {
        ("gqa", 0, 1),
        ("mla", 0, 1),
    }


def test_windows_and_shares_of_full_layers_are_families_side_by_side_with_the_usual_ones_as_defaults():
    space = plain(num_experts=(1, 8), num_shared_experts=(1,), attention=("gqa", "gqa-swa", "gqa-gdn"))
    kinds = {(one.attention, one.window_tokens, one.full_every) for one in space.families()}
    assert kinds == {("gqa", 0, 1), ("gqa-swa", 128, 2), ("gqa-gdn", 0, 4)}
    wide = replace(space, window_tokens=(128, 1024), full_every=(2, 6))
    assert len(wide.families()) == 2 * (1 + 4 + 2)


def test_depths_are_whole_periods_of_both_patterns():
    space = plain(num_experts=(8,), attention=("gqa-swa",), full_every=(4,), moe_every=(3,), min_aspect=16.0)
    (family,) = space.families()
    depths = space.of(family, space.every()).num_layers
    assert len(depths)
    assert set((depths % 12).tolist()) == {0}


def test_linear_layers_without_one_shared_expert_are_refused_since_no_config_states_them():
    with pytest.raises(ConfigError, match="num_shared_experts: must be 1 among them with gqa-gdn"):
        plain(attention=("gqa-gdn",))
    both = plain(num_experts=(1, 8), attention=("gqa", "gqa-gdn"), num_shared_experts=(0, 1))
    routed = [one for one in both.families() if one.attention == "gqa-gdn" and not one.dense]
    assert {one.num_shared_experts for one in routed} == {1}


@pytest.mark.parametrize(("name", "value"), [("full_every", (1,)), ("window_tokens", (0,))])
def test_a_period_of_one_or_an_empty_window_is_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        plain(attention=("gqa-swa",), **{name: value})
