"""Grids of designs out of families and shapes: what every design of the default space is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.arch.spec import merged
from optimoe.planner.problem.grid.making import designs_of
from optimoe.planner.problem.shapes import Shapes, attends_to_everything
from optimoe.planner.problem.space import Space

SPACE = Space()
FAMILIES, EVERY = SPACE.families(), SPACE.every()


def design(place, number):
    """One design of a family of the default space, its layers in order."""
    family = FAMILIES[place]
    own = SPACE.of(family, EVERY)
    shape = own.where(np.array([number % len(own.d_model)]))
    return SPACE.stacked(family, SPACE.designs({family: shape}).at(0))


ANY = (st.integers(0, len(FAMILIES) - 1), st.integers(0, 10_000))
"""A design by the place of its family and its number: made in the test, since checks of types draw at random."""


@settings(deadline=None)
@given(*ANY)
def test_every_design_of_the_default_space_is_a_config_that_counts_the_same(place, number):
    spec = design(place, number)
    back = from_config(to_config(spec), name=spec.name)
    assert back == spec
    assert count_params(back) == count_params(spec)


@settings(deadline=None)
@given(*ANY)
def test_every_design_has_widths_and_heads_that_kernels_like(place, number):
    spec = design(place, number)
    assert spec.d_model % 256 == 0
    assert spec.attention.num_heads % 8 == 0 or spec.attention.num_heads in (1, 2, 4)
    assert spec.attention.num_heads % getattr(spec.attention, "num_kv_heads", 1) == 0
    assert spec.vocab_size % 1024 == 0
    for group in spec.layers:
        if isinstance(group.ffn, MoE):
            assert group.ffn.d_expert % (128 if group.ffn.d_expert > 512 else 64) == 0
            assert group.ffn.top_k <= max(group.ffn.num_experts / 4, 1)
        else:
            assert group.ffn.d_ff % 64 == 0


@settings(deadline=None)
@given(*ANY)
def test_experts_of_a_token_are_together_as_wide_as_the_family_says(place, number):
    spec = design(place, number)
    moe = spec.moe
    if moe is not None:
        active = (moe.top_k + moe.num_shared_experts) * moe.d_expert / spec.d_model
        assert min(abs(active / ratio - 1) for ratio in SPACE.active_ffn_ratio) <= 0.125


@settings(max_examples=20, deadline=None)  # each looks through the families three times
@given(*ANY)
def test_every_design_of_the_space_is_found_in_it_by_any_name_and_its_neighbours_are_not(place, number):
    spec = design(place, number)
    assert SPACE.contains(replace(spec, name="ours"))
    assert not SPACE.contains(replace(spec, vocab_size=spec.vocab_size + 1024))
    assert not SPACE.contains(replace(spec, d_model=spec.d_model + 128))


@pytest.mark.parametrize(
    "experts", [{"active_ffn_ratio": (0.5,)}, {"ffn_ratio": (0.25,)}, {"expert_attention_ratio": (1.0,)}]
)
def test_a_dense_model_is_as_wide_whatever_the_experts_are(experts):
    shape = Shapes(d_model=np.array([4096]), num_layers=np.array([48]))
    for space in (SPACE, replace(SPACE, **experts)):
        dense = next(one for one in space.families() if one.dense)
        assert space.designs({dense: shape}).layers[0].ffn.d_ff.tolist() == [14_336]


def test_a_grid_is_made_by_the_function_that_the_space_calls():
    family = FAMILIES[-1]
    shapes = SPACE.of(family, EVERY)
    made = designs_of({family: shapes}, SPACE.heads, SPACE.vocab_size)
    assert made.at(-1) == SPACE.designs({family: shapes}).at(-1)


NEAR = Space(
    num_experts=(1, 16), top_k=(2,), num_shared_experts=(1,), active_ffn_ratio=(3.0,), max_width=2048,
    attention=("gqa-swa", "gqa-gdn"), full_every=(2, 3), moe_every=(1, 2), first_dense_layers=(0, 1),
)  # fmt: skip


def test_windows_and_linear_layers_beside_dense_and_routed_ones_count_as_their_config_does():
    members = NEAR.members(NEAR.every())
    assert {family.attention for family in members} == {"gqa-swa", "gqa-gdn"}
    for family, shapes in members.items():
        grid = NEAR.designs({family: shapes})
        for index in (0, -1):
            spec = NEAR.stacked(family, grid.at(index))
            back = from_config(to_config(spec), name=spec.name)
            assert back == spec
            assert count_params(back) == count_params(grid.at(index))
            assert kv_bytes(back, 9_000) == kv_bytes(grid.at(index), 9_000)
            assert merged(back) == grid.at(index)
            full = [attends_to_everything(one.mixer) for one in spec.layers for _ in range(one.num_layers)]
            assert full == [(layer + 1) % family.full_every == 0 for layer in range(spec.num_layers)]


def test_families_of_one_build_in_one_grid_are_each_alone():
    members = NEAR.members(NEAR.every())
    builds = {}
    for family, shapes in members.items():
        builds.setdefault(family.build, {})[family] = shapes
    assert len(builds) < len(members)
    for own in builds.values():
        together, start = NEAR.designs(own), 0
        for family, shapes in own.items():
            assert together.at(start) == NEAR.designs({family: shapes}).at(0)
            start += len(shapes.d_model)


def test_linear_layers_have_the_proportions_of_qwen3_next():
    shape = Shapes(d_model=np.array([2048]), num_layers=np.array([48]))
    family = next(one for one in Space(attention=("gqa-gdn",), num_experts=(512,)).families())
    spec = Space(attention=("gqa-gdn",)).designs({family: shape}).at(0)
    qwen = find_model("qwen3-next-80b-a3b")
    assert merged(qwen).layers[0].mixer == spec.layers[0].mixer
    assert [one.num_layers for one in merged(qwen).layers] == [one.num_layers for one in spec.layers] == [36, 12]
