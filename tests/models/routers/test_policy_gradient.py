"""RL-R: a policy that samples as it says."""

import math

import torch

from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.routers import PolicyGradient
from optimoe.models.routers.policy_gradient import log_probability_of_sample
from optimoe.models.routing import count_load
from tests.models.build import VOCAB, ids_of, make_arch, make_layer
from tests.models.comparison import D, close, inputs


def test_a_policy_samples_by_its_probabilities_and_evaluates_greedily():
    layer = make_layer(PolicyGradient(), top_k=1)
    x_BSD = inputs(1, 1)[0].expand(1, 20_000, D)
    torch.manual_seed(0)
    routing = layer.router(x_BSD)
    share_E = count_load(routing.expert_TK, 4) / 20_000
    torch.testing.assert_close(share_E.double(), routing.score_TE[0].detach(), atol=0.015, rtol=0)
    greedy = layer.eval().router(x_BSD)
    assert (greedy.expert_TK == greedy.score_TE[0].argmax()).all()


def test_the_baseline_of_a_model_starts_at_the_reward_of_knowing_nothing():
    config = ModelConfig(router=PolicyGradient())
    output = build(make_arch(), config)(ids_of())
    for routing in output.routings.values():
        assert torch.equal(routing.baseline_T, torch.full_like(routing.baseline_T, -math.log(VOCAB)))
    reward_T = -torch.nn.functional.cross_entropy(
        output.logits_BSV.flatten(0, 1), ids_of(seed=1).flatten(), reduction="none"
    )
    assert (reward_T - routing.baseline_T).square().mean() < 0.1  # of ln² V = 10


def test_the_probability_of_a_sample_sums_to_one_over_all_ordered_samples():
    log_policy_E = torch.randn(4, dtype=torch.float64).log_softmax(0)
    pairs = torch.tensor([(i, j) for i in range(4) for j in range(4) if i != j])
    close(log_probability_of_sample(log_policy_E[pairs]).exp().sum(), torch.ones((), dtype=torch.float64))
