"""Losses that train a routing policy."""

import pytest
import torch

from optimoe.models.losses.policy import policy_losses
from optimoe.models.routers import PolicyGradient
from optimoe.models.routing import PolicyRouting
from tests.models.build import make_layer


def test_reinforce_follows_the_reward():
    """Of two experts the rewarded one becomes likelier; the baseline learns the mean reward."""
    torch.manual_seed(0)
    layer = make_layer(PolicyGradient(), num_experts=2, top_k=1, d_model=3)
    layer.router.reset_parameters()
    optimizer = torch.optim.Adam(layer.router.parameters(), lr=0.05)
    x_BSD = torch.ones(1, 64, 3, dtype=torch.float64)
    for _ in range(100):
        routing = layer.router(x_BSD)
        reward_T = (routing.expert_TK[:, 0] == 1).double() * 2
        policy, baseline, _ = policy_losses(routing, reward_T, torch.ones(64, dtype=torch.bool))
        optimizer.zero_grad()
        (policy + baseline).backward()
        optimizer.step()
    assert routing.score_TE[0, 1] > 0.95 and routing.baseline_T[0].item() == pytest.approx(2, abs=0.3)


def test_reinforce_gradients_by_hand():
    logits_TE = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    log_policy_TE = logits_TE.log_softmax(1)
    expert_TK = torch.tensor([[0], [1], [2], [1], [0]])
    baseline_T, reward_T = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    routing = PolicyRouting(
        expert_TK=expert_TK,
        weight_TK=torch.ones(5, 1),
        score_TE=log_policy_TE.exp(),
        logits_TE=log_policy_TE,
        kept_TK=torch.ones(5, 1, dtype=torch.bool),
        log_prob_T=log_policy_TE.gather(1, expert_TK).squeeze(1),
        baseline_T=baseline_T,
    )
    policy, baseline, negative_entropy = policy_losses(routing, reward_T, torch.ones(5, dtype=torch.bool))
    policy.backward()
    onehot_TE = torch.nn.functional.one_hot(expert_TK[:, 0], 3)
    want_TE = -(reward_T - baseline_T)[:, None] * (onehot_TE - logits_TE.softmax(1)) / 5
    torch.testing.assert_close(logits_TE.grad, want_TE)
    torch.testing.assert_close(baseline, ((reward_T - baseline_T) ** 2).mean())
    entropy = torch.distributions.Categorical(logits=logits_TE).entropy().mean()
    torch.testing.assert_close(negative_entropy, -entropy)
