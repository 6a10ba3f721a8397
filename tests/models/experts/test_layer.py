"""The module of routed experts."""

import pytest
import torch

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.models.experts.kernels import KERNELS
from optimoe.models.experts.layer import Experts


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_those_that_the_architecture_counts(gated, bias):
    part = MoE(num_experts=5, top_k=2, d_expert=3, gated=gated, expert_bias=bias)
    experts = Experts(5, 4, 3, gated, "silu", bias)
    assert sum(p.numel() for p in experts.parameters()) == part.params(4)["routed_experts"]
    assert experts.w_in.shape == (5, 4, (1 + gated) * 3) and experts.w_out.shape == (5, 3, 4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_expert_with_gate_one_is_a_dense_feed_forward(kernel):
    torch.manual_seed(0)
    experts = Experts(1, 8, 8, True, "silu", kernel=kernel).double()
    x_TD = torch.randn(6, 8, dtype=torch.float64)
    expert_TK, weight_TK = torch.zeros(6, 1, dtype=torch.long), torch.ones(6, 1, dtype=torch.float64)
    gate, up = (x_TD @ experts.w_in[0]).chunk(2, dim=-1)
    want = (torch.nn.functional.silu(gate) * up) @ experts.w_out[0]
    torch.testing.assert_close(experts(x_TD, expert_TK, weight_TK), want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_autocast_runs_experts_in_its_type_and_returns_float32_gradients(kernel):
    torch.manual_seed(1)
    experts = Experts(4, 16, 16, True, "silu", kernel=kernel)
    x_TD, expert_TK, weight_TK = torch.randn(8, 16), torch.randint(0, 4, (8, 2)), torch.rand(8, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y_TD = experts(x_TD, expert_TK, weight_TK)
    y_TD.float().sum().backward()
    assert y_TD.dtype == torch.bfloat16 and experts.w_in.grad.dtype == torch.float32
    torch.testing.assert_close(y_TD.float(), experts(x_TD, expert_TK, weight_TK), rtol=0.05, atol=0.1)


def test_the_same_outputs_without_gradients():
    torch.manual_seed(2)
    experts = Experts(4, 8, 8, True, "silu")
    args = torch.randn(9, 8), torch.randint(-1, 4, (9, 2)), torch.rand(9, 2)
    with torch.no_grad():
        without = experts(*args)
    torch.testing.assert_close(without, experts(*args))


def test_a_module_compiles_into_one_graph_with_the_same_gradients():
    torch.manual_seed(3)
    experts = Experts(4, 8, 8, True, "silu", bias=True).double()
    args = torch.randn(9, 8).double(), torch.randint(-1, 4, (9, 2)), torch.rand(9, 2).double()
    compiled = torch.compile(experts, backend="aot_eager", fullgraph=True)
    grads = []
    for run in (experts, compiled):
        experts.zero_grad()
        run(*args).square().sum().backward()
        grads.append([p.grad.clone() for p in experts.parameters()])
    for mine, other in zip(*grads, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)


def test_gradients_accumulate_over_passes():
    torch.manual_seed(4)
    experts = Experts(4, 8, 8, True, "silu").double()
    args = torch.randn(9, 8).double(), torch.randint(-1, 4, (9, 2)), torch.rand(9, 2).double()
    experts(*args).sum().backward()
    once = experts.w_in.grad.clone()
    experts(*args).sum().backward()
    torch.testing.assert_close(experts.w_in.grad, 2 * once)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"num_experts": 0}, ConfigError),
        ({"d_expert": -1}, ConfigError),
        ({"kernel": "fast"}, UnknownNameError),
        ({"activation": "swoosh"}, UnknownNameError),
    ],
)
def test_a_wrong_request_is_refused(change, error):
    request = {"num_experts": 2, "d_model": 4, "d_expert": 4, "gated": True, "activation": "silu"} | change
    with pytest.raises(error, match=next(iter(change))):
        Experts(**request)
