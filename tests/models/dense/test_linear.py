"""Linear layers and norms of our own are PyTorch's, in value and in gradient."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from optimoe.models.dense import linear, products
from optimoe.models.dense.linear import Linear
from optimoe.models.dense.norms import RMSNorm


def both(ours, theirs, x):
    """Outputs and gradients of two modules of equal weights, ours in float32, theirs in float64."""
    theirs.load_state_dict(ours.state_dict())
    results = []
    for module, dtype in ((ours, torch.float32), (theirs.double(), torch.float64)):
        given = x.to(dtype).requires_grad_()
        y = module(given)
        leaves = [given, *(p for p in module.parameters() if p.requires_grad)]
        torch.manual_seed(1)
        grads = torch.autograd.grad(y, leaves, torch.randn_like(y, dtype=torch.float32).to(dtype))
        results.append((y, *(grad.double() for grad in grads)))
    (y, *grads), (want, *want_grads) = results
    assert [g.shape for g in grads] == [g.shape for g in want_grads]
    return y, [(y.double(), want), *zip(grads, want_grads, strict=True)]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch was built without oneDNN")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("A", "B"), [(24, 16), (16, 24)])
def test_a_linear_layer_by_onednn_is_the_same_function(bias, A, B, monkeypatch):
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(linear, "SMALLEST_WORK", 1)
    torch.manual_seed(0)
    y, pairs = both(Linear(A, B, bias), nn.Linear(A, B, bias), torch.randn(3, 16, A))
    assert "_LinearBackward" in y.grad_fn.name()
    for got, want in pairs:
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_a_linear_layer_of_few_or_broken_rows_is_pytorchs(monkeypatch):
    """oneDNN compiles a product for every number of rows."""
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    layer = Linear(4, 4)
    assert "_LinearBackward" not in layer(torch.randn(16, 4)).grad_fn.name()
    monkeypatch.setattr(linear, "SMALLEST_WORK", 1)
    assert "_LinearBackward" in layer(torch.randn(16, 4)).grad_fn.name()
    assert "_LinearBackward" not in layer(torch.randn(15, 4)).grad_fn.name()
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(16, 4)).dtype == torch.bfloat16


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch was built without oneDNN")
def test_products_by_onednn_are_counted(monkeypatch):
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(linear, "SMALLEST_WORK", 1)
    x = torch.randn(16, 8, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        Linear(8, 4)(x).sum().backward()
    assert counter.get_total_flops() == 3 * 2 * 16 * 8 * 4


@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 4, 8)])
def test_a_norm_is_the_same_function_in_one_operator(shape):
    torch.manual_seed(0)
    ours = RMSNorm(8, eps=1e-6)
    nn.init.normal_(ours.weight)
    x = torch.randn(shape)
    x.view(-1, 8)[1] = 0
    y, pairs = both(ours, nn.RMSNorm(8, eps=1e-6), x)
    assert y.grad_fn.name() == "_RMSNormBackward"
    for got, want in pairs:
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_a_norm_of_other_types_and_frozen_weights_is_whole():
    norm = RMSNorm(8, eps=1e-6).bfloat16()
    assert norm(torch.randn(2, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16
    norm = RMSNorm(8, eps=1e-6).requires_grad_(False)
    x = torch.randn(2, 8, requires_grad=True)
    norm(x).sum().backward()
    assert x.grad is not None
    assert norm.weight.grad is None
