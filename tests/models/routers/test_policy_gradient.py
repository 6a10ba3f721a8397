"""RL-R: a policy that samples as it says."""

import torch

from optimoe.models.routers import PolicyGradient
from optimoe.models.routers.policy_gradient import log_probability_of_sample
from optimoe.models.routing import count_load
from tests.models.build import make_layer
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


def test_the_probability_of_a_sample_sums_to_one_over_all_ordered_samples():
    log_policy_E = torch.randn(4, dtype=torch.float64).log_softmax(0)
    pairs = torch.tensor([(i, j) for i in range(4) for j in range(4) if i != j])
    close(log_probability_of_sample(log_policy_E[pairs]).exp().sum(), torch.ones((), dtype=torch.float64))
