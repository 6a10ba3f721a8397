"""Distinct experts and bytes sent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.traffic import (
    expected_distinct_experts,
    expected_expert_ranks,
    expert_parallel_bytes_per_token,
    expert_parallel_collectives,
    pipeline_bytes_per_token,
    tensor_parallel_collectives,
)


@given(experts=st.integers(2, 512), tokens=st.integers(1, 5000), data=st.data())
def test_distinct_experts_lie_between_k_and_all(experts, tokens, data):
    k = data.draw(st.integers(1, experts))
    distinct = expected_distinct_experts(experts, k, tokens)
    assert k * (1 - 1e-12) <= distinct <= min(experts, k * tokens) * (1 + 1e-12)
    assert expected_distinct_experts(experts, k, 1) == pytest.approx(k)


def test_distinct_experts_agree_with_drawing_them():
    generator = np.random.default_rng(0)
    drawn = [len(np.unique([generator.choice(16, 2, replace=False) for _ in range(9)])) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(expected_distinct_experts(16, 2, 9), abs=0.1)


def test_bytes_sent_by_each_parallelism():
    spec = find_model("mixtral-8x7b")
    assert tensor_parallel_collectives(spec) == 64
    assert expert_parallel_collectives(spec) == 64
    assert pipeline_bytes_per_token(spec, 4) == 3 * 2 * 4096
    assert expert_parallel_bytes_per_token(spec, 1) == 0
    ranks = expected_expert_ranks(2, 8)
    assert ranks == pytest.approx(2 - 1 / 8)
    assert expert_parallel_bytes_per_token(spec, 8) == pytest.approx(32 * ranks * 7 / 8 * 4096 * 4)
