"""The law in active size, total size and tokens: its dense equivalent, limits, optimum, conventions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.laws.catalog import find_law
from optimoe.laws.families.expansion import Expansion
from tests.laws.cases import COMPUTE, EXPANSION, least

LAW = EXPANSION


def at(**coefficients):
    row = LAW.row.with_coefficients(LAW.row.coefficients | coefficients)
    return Expansion(row)


def test_a_dense_model_is_its_own_equivalent():
    assert LAW.dense_equivalent(7e9, 7e9) == pytest.approx(7e9, rel=1e-12)


def test_half_the_exponent_without_saturation_is_the_geometric_mean():
    assert at(x_max=1e9).dense_equivalent(2e9, 32e9) == pytest.approx(8e9, rel=1e-6)


def test_the_equivalent_ends_at_x_max():
    assert LAW.saturated_expansion(1.0, 1e12) == pytest.approx(200.0, rel=1e-6)


@given(st.floats(1e8, 1e11), st.floats(1, 300), st.floats(1e9, 1e13))
def test_loss_is_that_of_the_dense_equivalent(active, expansion, tokens):
    whole = LAW.loss(active, active * expansion, tokens)
    size = LAW.dense_equivalent(active, active * expansion)
    assert whole == pytest.approx(float(LAW.loss(size, size, tokens)), rel=1e-12)


@given(COMPUTE, st.sampled_from([1.0, 8.0, 64.0]))
def test_optimum_is_numeric(C, x):
    loss = LAW.optimal_loss(C, x)
    assert loss == pytest.approx(least(lambda N: LAW.loss(N, x * N, C / (6 * N))), rel=1e-9)


def test_a_factor_is_a_larger_active_model():
    assert LAW.loss(1e9, 8e9, 1e11, factor=2.0) == pytest.approx(float(LAW.loss(2e9, 16e9, 1e11)), rel=1e-12)


def test_equal_active_and_different_total_sizes_have_different_losses():
    losses = LAW.loss(1e9, np.array([1e9, 4e9, 16e9, 64e9]), 1e11)
    assert (np.diff(losses) < 0).all()


def test_sizes_follow_the_rows_convention():
    arch = find_model("olmoe-1b-7b")
    params = count_params(arch)
    assert LAW.variables(arch)["N_act"] == params.active
    assert LAW.variables(arch)["N_total"] == params.total
    bare = Expansion(replace(LAW.row, n_convention="active_nonembedding")).variables(arch)
    assert (bare["N_act"], bare["N_total"]) == (params.active_nonembedding, params.nonembedding)


def test_what_papers_disagree_about_is_in_the_band_of_a_design():
    law, deepseek = find_law("optimoe2026"), find_model("deepseek-v3")
    low, high = law.band(law.arch_loss(deepseek, 1e13), deepseek, 1e13)
    plain = Expansion(replace(law.row, factors=()))
    plain_low, plain_high = plain.band(plain.arch_loss(deepseek, 1e13), deepseek, 1e13)
    assert law.reading_gap(deepseek, 1e13) > 0
    assert plain.reading_gap(deepseek, 1e13) == 0
    assert high - low > plain_high - plain_low


def test_nothing_is_unknown_about_the_runs_behind_the_own_law():
    assert find_law("optimoe2026").without_range(find_model("olmoe-1b-7b")) == ()
