"""Product-key retrieval, written out, against PyTorch's count."""

import pytest

from optimoe.arch.parts import (
    PEER,
)


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


def test_product_key_retrieval_and_tiny_experts_cost_what_torch_counts():
    """PEER written out: queries, two halves of sub-keys, h·k experts of one neuron each."""
    ffn, d, tokens = PEER(num_keys=16, num_heads=2, top_k=4, d_key=8), 32, 3

    def work(torch):
        x = torch.randn(tokens, d)
        queries = (x @ torch.randn(d, 2 * 8)).view(tokens, 2, 2, 4)  # head, half, channel
        keys = torch.randn(2, 2, 16, 4)
        scores = torch.einsum("thsc,hsnc->thsn", queries, keys)
        best = scores.topk(4).indices
        chosen = (best[:, :, 0] * 16 + best[:, :, 1]).flatten(1)
        up, down = torch.randn(256, d)[chosen], torch.randn(256, d)[chosen]
        torch.bmm(torch.bmm(up, x[:, :, None]).transpose(1, 2).relu(), down)

    assert counted(work) == tokens * sum(ffn.flops(d).values())
