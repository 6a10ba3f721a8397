"""BASE and S-BASE: plans with uniform marginals, assignments with equal loads."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.models.routers.assignment import balanced_assignment, sinkhorn
from optimoe.models.routing import count_load


def test_sinkhorn_marginals_are_uniform_and_loads_nearly():
    torch.manual_seed(0)
    logits_TE = torch.randn(256, 8, dtype=torch.float64) * 2 + torch.linspace(0, 3, 8, dtype=torch.float64)
    plan_TE = sinkhorn(logits_TE, 20)
    torch.testing.assert_close(plan_TE.sum(0), torch.full((8,), 1 / 8, dtype=torch.float64), rtol=1e-12, atol=0)
    torch.testing.assert_close(plan_TE.sum(1), torch.full((256,), 1 / 256, dtype=torch.float64), rtol=1e-3, atol=0)
    greedy, balanced = (count_load(scores.topk(1).indices, 8) for scores in (logits_TE, plan_TE))
    assert balanced.max() < 1.5 * 256 / 8 < greedy.max()


def test_sinkhorn_survives_logits_whose_exponentials_do_not():
    plan_TE = sinkhorn(torch.tensor([[1000.0, 0.0], [900.0, -200.0]]), 50)
    torch.testing.assert_close(plan_TE.sum(0), torch.tensor([0.5, 0.5]), rtol=1e-3, atol=0)


@given(num_tokens=st.integers(1, 12), num_experts=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_linear_assignment_balances_any_number_of_tokens(num_tokens, num_experts, seed):
    torch.manual_seed(seed)
    expert_TK = balanced_assignment(torch.randn(num_tokens, num_experts) * 10)
    load_E = count_load(expert_TK, num_experts)
    assert load_E.sum() == num_tokens and load_E.max() - load_E.min() <= (num_tokens % num_experts > 0)
