"""BASE and S-BASE: plans with uniform marginals, assignments with equal loads."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.routers import SBase
from optimoe.models.routers.assignment import balanced_assignment, sinkhorn
from optimoe.models.routing import count_load, report
from tests.models.build import VOCAB, ids_of, make_arch


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


@pytest.mark.parametrize("top_k", [1, 2])
def test_s_base_evaluates_token_by_token_with_the_loads_of_training(top_k):
    """By token choice the busiest of 8 experts has several times the mean, with running potentials it has not."""
    torch.manual_seed(0)
    router = SBase().build(MoE(num_experts=8, top_k=top_k, d_expert=4), 16, VOCAB)
    router.reset_parameters(0.3)
    skew_D = torch.randn(16)  # tokens have a direction in common, which some experts like best
    batch = lambda: torch.randn(8, 32, 16) + skew_D  # noqa: E731
    for _ in range(60):
        trained = report(router(batch())).load_imbalance
    router.eval()
    x_BSD = batch()
    balanced = report(router(x_BSD)).load_imbalance
    one_by_one = torch.cat([router(x_BSD[:, t : t + 1]).expert_TK[:1] for t in range(32)])
    assert torch.equal(one_by_one, router(x_BSD[:1]).expert_TK)
    router.config = replace(router.config, evaluation="token_choice")
    by_token = report(router(x_BSD)).load_imbalance
    assert by_token > 2.5 and balanced < 1.4 and trained < 1.4


def test_a_recomputed_forward_moves_the_potentials_once_and_evaluation_never():
    states = []
    for recompute in (False, True):
        torch.manual_seed(0)
        model = build(make_arch(), ModelConfig(router=SBase(), init_std=0.3))
        for seed in range(3):
            model(ids_of(seed=seed), recompute=recompute).logits_BSV.square().sum().backward()
        states.append([router.potential_E.clone() for router in model.routers.values()])
        model.eval()(ids_of(seed=9))
        assert all(torch.equal(r.potential_E, p) for r, p in zip(model.routers.values(), states[-1], strict=True))
    for one, other in zip(*states, strict=True):
        assert torch.equal(one, other) and one.any() and one.sum().abs() < 1e-5
