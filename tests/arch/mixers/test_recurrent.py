"""One step of each recurrent mixer, written out, against PyTorch's count."""

import pytest

from optimoe.arch.parts import (
    GatedDeltaNet,
    LightningAttention,
    Mamba,
)


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


def delta_rule(torch, mixer, d):
    """One token of the gated delta rule: read-out of the key, rank-one update, read-out of the query."""
    heads, key, value = mixer.num_value_heads, mixer.key_dim, mixer.value_dim
    x, state = torch.randn(1, d), torch.randn(heads, key, value)
    _ = x @ torch.randn(d, mixer.conv_width), x @ torch.randn(d, heads * value), x @ torch.randn(d, 2 * heads)
    convolved(torch, mixer.conv_width, mixer.d_conv)
    query, k, v = torch.randn(heads, 1, key), torch.randn(heads, 1, key), torch.randn(heads, 1, value)
    state = state + torch.bmm(k.transpose(1, 2), v - torch.bmm(k, state))
    _ = torch.bmm(query, state).reshape(1, heads * value) @ torch.randn(heads * value, d)


def lightning(torch, mixer, d):
    """One token of linear attention with decay: rank-one update and read-out."""
    heads, width = mixer.num_heads, mixer.head_dim
    x = torch.randn(1, d)
    query, k, v, _ = (x @ torch.randn(d, 4 * heads * width)).view(4, heads, 1, width)
    state = 0.5 * torch.randn(heads, width, width) + torch.bmm(k.transpose(1, 2), v)
    _ = torch.bmm(query, state).reshape(1, heads * width) @ torch.randn(heads * width, d)


def selective_state_space(torch, mixer, d):
    """One token of Mamba: the state's update is element-wise, its read-out a product."""
    inner, rank, states = mixer.d_inner, mixer.dt_rank, mixer.d_state
    x = torch.randn(1, d) @ torch.randn(d, 2 * inner)
    convolved(torch, inner, mixer.d_conv)
    steps = x[:, :inner] @ torch.randn(inner, rank + 2 * states)
    _ = steps[:, :rank] @ torch.randn(rank, inner)
    out = torch.randn(inner, states) @ steps[:, -states:].T
    _ = out.T @ torch.randn(inner, d)


def convolved(torch, channels, kernel):
    """One output of a causal depth-wise convolution."""
    torch.nn.functional.conv1d(torch.randn(1, channels, kernel), torch.randn(channels, 1, kernel), groups=channels)


@pytest.mark.parametrize(
    ("mixer", "step"),
    [
        (GatedDeltaNet(num_key_heads=2, num_value_heads=4, key_dim=6, value_dim=10, d_conv=4), delta_rule),
        (LightningAttention(num_heads=4, head_dim=12), lightning),
        (Mamba(d_inner=48, d_state=6, d_conv=4, dt_rank=5), selective_state_space),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_a_step_of_a_recurrent_mixer_costs_what_torch_counts(mixer, step):
    flops = sum(mixer.flops(32, 50, "decode", "absorbed").values())
    assert counted(lambda torch: step(torch, mixer, 32)) == flops
