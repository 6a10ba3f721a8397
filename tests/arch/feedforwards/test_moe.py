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
