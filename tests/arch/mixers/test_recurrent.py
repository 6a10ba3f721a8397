"""One step of each recurrent mixer, written out, against PyTorch's count."""

import pytest

from optimoe.arch.parts import (
    GatedDeltaNet,
    GatedRecurrence,
    KimiDelta,
    LightningAttention,
    Mamba,
    Mamba2,
    ShortConvolution,
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


def state_space_of_heads(torch, mixer, d):
    """One token of Mamba-2: the state's update is element-wise, its read-out a product per head."""
    x = torch.randn(1, d) @ torch.randn(d, mixer.in_width)
    convolved(torch, mixer.conv_width, mixer.d_conv)
    state = torch.randn(mixer.num_heads, mixer.head_dim, mixer.d_state)
    out = torch.bmm(state, torch.randn(mixer.num_heads, mixer.d_state, 1)).reshape(1, mixer.d_inner)
    _ = (out * x[:, : mixer.d_inner]) @ torch.randn(mixer.d_inner, d)


def delta_rule_by_channel(torch, mixer, d):
    """One token of KDA, its decay and its gate through a rank or straight."""
    heads, width, x = mixer.num_heads, mixer.width, torch.randn(1, d)
    _ = x @ torch.randn(d, 3 * width), x @ torch.randn(d, heads)
    convolved(torch, 3 * width, mixer.d_conv)
    for rank in (mixer.decay_rank, mixer.gate_rank):
        _ = (x @ torch.randn(d, rank)) @ torch.randn(rank, width) if rank else x @ torch.randn(d, width)
    query, k, v = torch.randn(3, heads, 1, mixer.head_dim)
    state = torch.randn(heads, mixer.head_dim, 1) * torch.randn(heads, mixer.head_dim, mixer.head_dim)
    state = state + torch.bmm(k.transpose(1, 2), v - torch.bmm(k, state))
    _ = torch.bmm(query, state).reshape(1, width) @ torch.randn(width, d)


def gated_recurrence(torch, mixer, d):
    """One token of Griffin's recurrent block: two gates in blocks, an element-wise recurrence."""
    block = mixer.width // mixer.num_heads
    x, gate = (torch.randn(1, d) @ torch.randn(d, 2 * mixer.width)).chunk(2, dim=1)
    convolved(torch, mixer.width, mixer.d_conv)
    for _ in ("input", "recurrence"):
        torch.bmm(x.reshape(mixer.num_heads, 1, block), torch.randn(mixer.num_heads, block, block))
    _ = (x * gate) @ torch.randn(mixer.width, d)


def short_convolution(torch, mixer, d):
    """One token between two gates: a convolution of each channel."""
    _ = torch.randn(1, d) @ torch.randn(d, 3 * mixer.width)
    convolved(torch, mixer.width, mixer.d_conv)
    _ = torch.randn(1, mixer.width) @ torch.randn(mixer.width, d)


def convolved(torch, channels, kernel):
    """One output of a causal depth-wise convolution."""
    torch.nn.functional.conv1d(torch.randn(1, channels, kernel), torch.randn(channels, 1, kernel), groups=channels)


@pytest.mark.parametrize(
    ("mixer", "step"),
    [
        (GatedDeltaNet(num_key_heads=2, num_value_heads=4, key_dim=6, value_dim=10, d_conv=4), delta_rule),
        (LightningAttention(num_heads=4, head_dim=12), lightning),
        (Mamba(d_inner=48, d_state=6, d_conv=4, dt_rank=5), selective_state_space),
        (Mamba2(num_heads=6, head_dim=8, num_groups=2, d_state=10, d_conv=4), state_space_of_heads),
        (KimiDelta(num_heads=4, head_dim=6, d_conv=3), delta_rule_by_channel),
        (KimiDelta(num_heads=4, head_dim=6, d_conv=3, decay_rank=5, gate_rank=7), delta_rule_by_channel),
        (GatedRecurrence(width=24, num_heads=4, d_conv=4), gated_recurrence),
        (ShortConvolution(width=32, d_conv=3), short_convolution),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_a_step_of_a_recurrent_mixer_costs_what_torch_counts(mixer, step):
    flops = sum(mixer.flops(32, 50, "decode", "absorbed").values())
    assert counted(lambda torch: step(torch, mixer, 32)) == flops
