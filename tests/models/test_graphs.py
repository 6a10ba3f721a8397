"""Graphs that PyTorch makes of a model: unbroken where compiled, of any length where exported."""

import pytest
import torch
from torch.export import Dim

from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.routers import ExpertChoice, TopK
from tests.models.build import ROUTERS, ids_of, make_arch, make_layer
from tests.models.comparison import close
from tests.models.shapes import ARCHS, FFNS


@pytest.mark.parametrize("name", ["expert choice by sequence", "base"])
def test_a_choice_among_tokens_is_one_graph_with_the_same_outputs_and_gradients(name):
    torch.compiler.reset()
    layer, graphs = make_layer(ROUTERS[name]), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    x_BSD, ids_BS = torch.randn(2, 8, 6, dtype=torch.float64), ids_of()
    results = []
    for run in (layer, torch.compile(layer, backend=backend)):
        y_BSD, routing = run(x_BSD, ids_BS)
        results.append([y_BSD, *torch.autograd.grad(y_BSD.sin().sum(), list(layer.parameters()))])
        assert routing.kept_TK.sum() == (48 if "sequence" in name else 16)
    assert len(graphs) == 1
    close(*results)


EXPORTED = {
    "mixer latent": (ARCHS["mixer latent"], TopK(), {}),
    "mixer window": (ARCHS["mixer window"], TopK(), {"min": 4}),  # of 3 tokens: lengths on one side of it
    "learned positions": (ARCHS["learned positions"], TopK(), {"max": 32}),
    "product keys": (make_arch(FFNS["product keys"], num_layers=1), TopK(), {}),
    "noise": (make_arch(num_layers=1), TopK(noise=True), {}),
    "expert choice": (make_arch(num_layers=1), ExpertChoice(evaluation="token_choice"), {}),
}


@pytest.mark.parametrize("name", EXPORTED)
@torch.no_grad()
def test_an_exported_model_takes_batches_and_lengths_of_any_size(name):
    arch, router, limits = EXPORTED[name]
    model = build(arch, ModelConfig(router=router)).eval()
    sizes = ({0: Dim("B"), 1: Dim("S", **limits)},)
    exported = torch.export.export(model, (ids_of(),), dynamic_shapes=sizes).module()
    for ids_BS in (ids_of(3, 11), ids_of(1, 5)):
        torch.testing.assert_close(exported(ids_BS).logits_BSV, model(ids_BS).logits_BSV)
