"""Routed layers in PyTorch's own compiler, which has computed wrong gates and gradients without a word."""

import shutil

import pytest
import torch

from tests.models.build import ROUTERS, ids_of, make_layer


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", ["capacity by position", "sigmoid bias groups"])
def test_a_compiled_layer_has_the_outputs_and_gradients_of_an_uncompiled_one(name):
    torch.compiler.reset()
    layer = make_layer(ROUTERS[name]).float()
    x_BSD = torch.randn(4, 16, 6, generator=torch.Generator().manual_seed(0))
    results = []
    for run in (layer, torch.compile(layer)):
        y_BSD, routing = run(x_BSD, ids_of(4, 16))
        grads = torch.autograd.grad(y_BSD.sin().sum(), list(layer.parameters()))
        results.append((y_BSD.detach(), routing.expert_TK, routing.kept_TK, routing.weight_TK.detach(), grads))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)
    assert all(grad.abs().max() > 1 for grad in results[0][-1])
