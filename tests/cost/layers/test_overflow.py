"""The expected overflow is that of routers with a capacity."""

import numpy as np
import pytest
import torch

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew
from optimoe.cost.layers.overflow import capacity, choice_probabilities, dropped_share
from optimoe.models.routers.capacity import capacity as router_capacity
from optimoe.models.routers.capacity import within_capacity
from optimoe.models.routers.top_k import TopK
from optimoe.models.routing import report

DRAWS = 200


def simulated(tokens, experts, k, factor, log_weight_E):
    """Mean share of slots that find no room, and its standard error, over draws of independent tokens."""
    rng = np.random.default_rng(0)
    slots, shares = router_capacity(tokens, k, experts, factor), []
    for _ in range(DRAWS):
        score_TE = torch.from_numpy(log_weight_E + rng.gumbel(size=(tokens, experts)))
        gates_TK, expert_TK = score_TE.topk(k, dim=1)
        kept_TK = within_capacity(expert_TK, gates_TK, 1, experts, slots, "position")
        shares.append(1 - kept_TK.float().mean().item())
    return np.mean(shares), np.std(shares) / DRAWS**0.5


@pytest.mark.parametrize(
    ("tokens", "experts", "k", "factor"),
    [(256, 8, 2, 1.0), (256, 16, 2, 1.25), (128, 64, 8, 1.1), (512, 8, 1, 1.0)],
)
def test_of_even_experts_it_is_what_a_full_router_drops(tokens, experts, k, factor):
    mean, error = simulated(tokens, experts, k, factor, np.zeros(experts))
    assert dropped_share(tokens, experts, k, factor) == pytest.approx(mean, abs=4 * error)


@pytest.mark.parametrize("zipf", [0.3, 1.0])
def test_of_popular_experts_too(zipf):
    routing = RoutingSkew(zipf=zipf)
    mean, error = simulated(256, 16, 1, 1.25, np.log(routing.popularity(16)))
    assert dropped_share(256, 16, 1, 1.25, routing) == pytest.approx(mean, abs=4 * error)


def test_a_router_in_training_drops_as_many():
    """Identity weights make the logits of standard normal tokens independent, and every expert as likely."""
    experts, tokens = 16, 256
    part = MoE(num_experts=experts, top_k=2, d_expert=8)
    router = TopK(capacity_factor=1.0).build(part, experts, 10)
    router.train()
    with torch.no_grad():
        router.weight.copy_(torch.eye(experts))
    torch.manual_seed(0)
    counts = [report(router(torch.randn(1, tokens, experts))).dropped.item() for _ in range(DRAWS)]
    share = dropped_share(tokens, experts, 2, 1.0)
    assert np.mean(counts) / (2 * tokens) == pytest.approx(share, abs=4 * np.std(counts) / 512 / DRAWS**0.5)
    assert share * 512 == pytest.approx(33.6, abs=0.1)


def test_capacity_is_the_router_s():
    for tokens, k, experts, factor in ((256, 2, 8, 1.0), (100, 3, 7, 1.25), (8, 1, 64, 1.1), (5, 4, 4, 2.0)):
        assert capacity(tokens, experts, k, factor) == router_capacity(tokens, k, experts, factor)


def test_a_token_picks_k_experts_and_none_twice():
    for k in (1, 2, 8):
        chosen = choice_probabilities(16, k, RoutingSkew(zipf=2.0))
        assert chosen.sum() == pytest.approx(k)
        assert chosen.max() <= 1
        assert (np.diff(chosen) <= 0).all()
    assert (choice_probabilities(8, 8, RoutingSkew(zipf=1.0)) == 1).all()
    assert choice_probabilities(8, 2, UNIFORM) == pytest.approx(np.full(8, 0.25))
    only = choice_probabilities(4, 2, RoutingSkew(loads=(1.0, 0.0, 0.0, 0.0)))
    assert list(only) == [1, 0, 0, 0]  # nobody else is ever wanted


def test_room_for_all_drops_nothing_and_skew_drops_more():
    assert dropped_share(64, 8, 2, 8.0, RoutingSkew(zipf=1.0)) == 0
    by_skew = [dropped_share(4096, 64, 8, 1.25, RoutingSkew(zipf=s)) for s in (0.0, 0.3, 0.6, 1.0)]
    assert np.all(np.diff(by_skew) > 0)
    by_factor = [
        dropped_share(4096, 64, 8, factor, RoutingSkew(zipf=0.3)) for factor in (1.0, 1.1, 1.25, 1.5, 2.0)
    ]
    assert np.all(np.diff(by_factor) < 0)
    by_tokens = [dropped_share(tokens, 64, 8, 1.0) for tokens in (64, 1024, 16384)]
    assert np.all(np.diff(by_tokens) < 0)


def test_limits_are_said():
    with pytest.raises(ConfigError, match="top_k: must be from 1 to num_experts = 4, got 5"):
        dropped_share(8, 4, 5, 1.0)
    with pytest.raises(ConfigError, match="capacity_factor: must be positive"):
        dropped_share(8, 4, 1, 0.0)
