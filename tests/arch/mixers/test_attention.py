"""Softmax attention with windows, against PyTorch's count."""

import pytest

from optimoe.arch.parts import (
    Attention,
)


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


@pytest.mark.parametrize(("chunked", "seen"), [(False, 16), (True, 2)])
def test_a_windowed_token_costs_what_torch_counts_on_the_keys_it_sees(chunked, seen):
    """Position 50 of windows of 16: the last 16 tokens, or the second of the fourth chunk."""
    mixer = Attention(num_heads=4, num_kv_heads=2, head_dim=24, window_tokens=16, chunked=chunked)
    d, position = 32, 50

    def work(torch):
        x = torch.randn(1, d)
        query = (x @ torch.randn(d, 4 * 24)).view(4, 1, 24)
        _ = x @ torch.randn(d, 2 * 2 * 24)
        first = (position - 1) // 16 * 16 if chunked else position - 16
        keys, values = torch.randn(2, 2, position, 24)[:, :, first:].repeat_interleave(2, 1)
        assert keys.shape[1] == seen
        mixed = torch.bmm(torch.bmm(query, keys.transpose(1, 2)).softmax(-1), values)
        _ = mixed.reshape(1, 96) @ torch.randn(96, d)

    assert counted(work) == sum(mixer.flops(d, position, "decode", "absorbed").values())


def test_values_narrower_than_keys_cost_what_torch_counts():
    mixer = Attention(num_heads=4, num_kv_heads=2, head_dim=24, v_dim=16)
    d, position = 32, 50

    def work(torch):
        x = torch.randn(1, d)
        query = (x @ torch.randn(d, 4 * 24)).view(4, 1, 24)
        _ = x @ torch.randn(d, 2 * (24 + 16))
        keys, values = (torch.randn(2, position, width).repeat_interleave(2, 0) for width in (24, 16))
        mixed = torch.bmm(torch.bmm(query, keys.transpose(1, 2)).softmax(-1), values)
        _ = mixed.reshape(1, 64) @ torch.randn(64, d)

    assert counted(work) == sum(mixer.flops(d, position, "decode", "absorbed").values())
    assert mixer.cache_values == 2 * (24 + 16)
