"""Routers in PyTorch's own compiler, which has computed wrong gates without a word."""

import shutil

import pytest
import torch

from tests.models.build import ROUTERS, ids_of, make_layer


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", ["capacity by position", "sigmoid bias groups"])
def test_a_compiled_router_decides_as_it_does_uncompiled(name):
    torch.compiler.reset()
    router = make_layer(ROUTERS[name]).router.float()
    x_BSD = torch.randn(4, 16, 6, generator=torch.Generator().manual_seed(0))
    results = []
    for run in (router, torch.compile(router)):
        routing = run(x_BSD, ids_of(4, 16))
        (gradient,) = torch.autograd.grad(routing.weight_TK.square().sum(), router.weight)
        results.append((routing.expert_TK, routing.kept_TK, routing.weight_TK.detach(), gradient))
    torch.testing.assert_close(results[0], results[1])
    assert results[0][2].max() > 0.1
