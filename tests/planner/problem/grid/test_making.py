"""Grids of designs out of families and shapes: what every design of the default space is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.planner.problem.grid.making import designs_of
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.space import Space

SPACE = Space()
FAMILIES, EVERY = SPACE.families(), SPACE.every()


def design(family, number):
    """One design of a family of the default space, its layers in order."""
    own = SPACE.of(family, EVERY)
    shape = own.where(np.array([number % len(own.d_model)]))
    return SPACE.stacked(family, SPACE.designs({family: shape}).at(0))


ANY = st.builds(design, st.sampled_from(FAMILIES), st.integers(0, 10_000))


@settings(deadline=None)
@given(ANY)
def test_every_design_of_the_default_space_is_a_config_that_counts_the_same(spec):
    back = from_config(to_config(spec), name=spec.name)
    assert back == spec
    assert count_params(back) == count_params(spec)


@settings(deadline=None)
@given(ANY)
def test_every_design_has_widths_and_heads_that_kernels_like(spec):
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
@given(ANY)
def test_experts_of_a_token_are_together_as_wide_as_the_family_says(spec):
    moe = spec.moe
    if moe is not None:
        active = (moe.top_k + moe.num_shared_experts) * moe.d_expert / spec.d_model
        assert min(abs(active / ratio - 1) for ratio in SPACE.active_ffn_ratio) <= 0.125


@settings(max_examples=20, deadline=None)  # each looks through the families three times
@given(ANY)
def test_every_design_of_the_space_is_found_in_it_by_any_name_and_its_neighbours_are_not(spec):
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
