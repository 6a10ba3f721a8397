"""What laws ask about a design."""

from optimoe.arch.design import dense_twin, one_expert_twin
from optimoe.arch.params import count_params
from optimoe.laws.terms.designs import num_experts
from tests.laws.designs import D_MODEL, DENSE, LAYERS, SHARED


def test_twins_have_the_active_size_of_the_design():
    twin, parent = count_params(dense_twin(SHARED)), count_params(one_expert_twin(SHARED))
    count = count_params(SHARED)
    assert twin.total == count.active - count.router
    assert parent.dense_ffn == LAYERS * 3 * D_MODEL * 1024
    assert num_experts(SHARED) == 64
    assert num_experts(DENSE) == 1
