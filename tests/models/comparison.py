"""What tests of layers share: inputs, and a comparison with plain loops in outputs and gradients."""

import torch

from tests.models import reference
from tests.models.build import ids_of

D = 6


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def inputs(num_sequences=2, num_positions=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x_BSD = torch.randn(num_sequences, num_positions, D, generator=generator, dtype=torch.float64)
    return x_BSD, ids_of(num_sequences, num_positions)


def gradients(layer, y_BSD, x_BSD):
    weights = list(layer.parameters())
    seed = torch.linspace(-1, 1, y_BSD.numel(), dtype=y_BSD.dtype).view_as(y_BSD)
    return torch.autograd.grad((y_BSD * seed).sum(), [x_BSD, *weights], allow_unused=True)


def compare(layer, x_BSD, ids_BS):
    x_BSD = x_BSD.clone().requires_grad_()
    torch.manual_seed(3)
    y_BSD, routing = layer(x_BSD, ids_BS)
    torch.manual_seed(3)
    want_BSD, choices = reference.moe_layer(layer, x_BSD, ids_BS)
    close(y_BSD, want_BSD)
    assert [sorted(e for e, _ in taken) for taken in choices] == [
        sorted(e for e in row if e >= 0) for row in routing.dispatched_TK.tolist()
    ]
    for ours, theirs in zip(gradients(layer, y_BSD, x_BSD), gradients(layer, want_BSD, x_BSD), strict=True):
        close(ours if ours is not None else torch.zeros(1), theirs if theirs is not None else torch.zeros(1))
    return routing
