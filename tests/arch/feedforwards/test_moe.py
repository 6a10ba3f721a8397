"""Latent experts, written out, against PyTorch's count."""

import pytest

from optimoe.arch.parts import (
    MoE,
)


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


def test_latent_experts_cost_what_torch_counts():
    ffn = MoE(num_experts=8, top_k=2, d_expert=24, d_latent=16)
    d, tokens = 32, 5

    def work(torch):
        x = torch.randn(tokens, d)
        _ = x @ torch.randn(d, 8)
        low = x @ torch.randn(d, 16)
        for _ in range(2):
            hidden = (low @ torch.randn(16, 24)) * (low @ torch.randn(16, 24))
            out = hidden @ torch.randn(24, 16)
        _ = out @ torch.randn(16, d)

    assert counted(work) == tokens * sum(ffn.flops(d).values())


def test_choices_without_weights_are_routed_to_and_pass_nothing():
    plain = MoE(num_experts=6, top_k=4, d_expert=10)
    some = MoE(num_experts=6, top_k=4, d_expert=10, num_zero_experts=2, router_bias=True)
    params, without = some.params(16), plain.params(16)
    assert params["router"] == 8 * 16 + 8
    assert params["routed_experts"] == without["routed_experts"]
    assert some.mean_top_k == 3  # of 4 choices, a quarter of which have no weights
    assert params["routed_experts_active"] == 3 * 3 * 16 * 10
    assert some.flops(16)["routed_experts"] == 2 * 3 * 3 * 16 * 10
    assert (plain.mean_top_k, without["routed_experts_active"]) == (4, 4 * 3 * 16 * 10)
