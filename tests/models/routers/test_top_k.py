"""Token choice: capacity, noise, and the bias that balances."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.models.routers import TopK
from optimoe.models.routing import report
from tests.models.build import VOCAB, make_layer
from tests.models.comparison import D, close, inputs


@given(
    skew=st.floats(0, 6),
    factor=st.floats(0.1, 4),
    drop=st.sampled_from(["position", "choice", "score"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_with_a_capacity_exactly_the_overflow_is_lost(skew, factor, drop, seed):
    torch.manual_seed(seed)
    router = TopK(capacity_factor=factor, drop=drop).build(
        MoE(num_experts=5, top_k=2, d_expert=4, router_bias=True), D, VOCAB
    )
    router.bias.data = torch.tensor([skew, skew / 2, 0, 0, 0])
    routing = router(torch.randn(3, 7, D))
    slots = min(21, math.ceil(factor * 21 * 2 / 5))
    seen = report(routing)
    assert torch.equal(seen.computed_E, seen.load_E.clamp_max(slots))
    assert seen.dropped == (seen.load_E - slots).clamp_min(0).sum()
    assert (routing.weight_TK[~routing.kept_TK] == 0).all()
    assert (routing.dispatched_TK[~routing.kept_TK] == -1).all()


def test_noise_is_for_training_and_its_scale_is_learned():
    layer, (x_BSD, _) = make_layer(TopK(noise=True)), inputs()
    assert not torch.equal(layer(x_BSD)[1].logits_TE, layer(x_BSD)[1].logits_TE)
    layer(x_BSD)[0].sum().backward()
    assert layer.router.noise_weight.grad.abs().sum() > 0
    layer.eval()
    assert torch.equal(layer(x_BSD)[1].logits_TE, layer(x_BSD)[1].logits_TE)


def test_a_bias_moves_the_choice_and_never_the_gates():
    layer, (x_BSD, _) = make_layer(TopK(balanced_by_bias=True, normalised=False)), inputs()
    layer.router.balance_bias_E[:] = torch.tensor([0.0, 0.0, 0.0, 9.0])
    routing = layer(x_BSD)[1]
    assert (routing.expert_TK == 3).any(1).all()
    close(routing.weight_TK, routing.score_TE.gather(1, routing.expert_TK))
