"""Traits of designs, and how far numbers lie outside a range."""

import numpy as np
import pytest

from optimoe.laws.domain import decades_outside, traits_of
from tests.laws.designs import DENSE, HALF, SHARED


def test_traits_of_a_design():
    traits = traits_of(SHARED)
    assert (traits.num_experts, traits.top_k, traits.num_shared_experts) == (64, 6, 2)
    assert traits.granularity == 4
    assert traits.routed_share == 1
    assert traits_of(DENSE).expansion == 1
    assert not traits_of(DENSE).routed
    assert traits.expert_ratio == 64 / 6
    assert traits.ffn_ratio == 6
    assert traits_of(HALF).routed_share == 0.5


def test_decades_outside_a_range_count_from_its_nearer_end():
    assert decades_outside(5.0, 1.0, 10.0) == 0
    assert decades_outside(1000.0, 1.0, 10.0) == pytest.approx(2)
    assert decades_outside(0.1, 1.0, 10.0) == pytest.approx(1)
    np.testing.assert_allclose(decades_outside(np.array([1e-9, 20.0]), 0.0, 10.0), [0, np.log10(2)])
