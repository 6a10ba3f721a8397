"""Activation functions by name, each with a derivative that writes into a given buffer.

Legend: N rows, F hidden width of an expert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from optimoe.core.errors import require_choice

_ops = torch.ops.aten
Apply = Callable[[Tensor, Tensor], Tensor]
Derive = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Activation:
    """An elementwise function σ and its derivative.

    Attributes:
        function: σ(h), differentiable by autograd.
        apply: ``apply(h_NF, out_NF)`` writes σ(h).
        derive: ``derive(grad_NF, h_NF, out_NF)`` writes grad·σ'(h); ``out_NF`` may be ``grad_NF``.
    """

    function: Callable[[Tensor], Tensor]
    apply: Apply
    derive: Derive


def _gelu(approximate: str) -> Activation:
    def derive(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
        return _ops.gelu_backward.grad_input(grad_NF, h_NF, approximate=approximate, grad_input=out_NF)

    return Activation(
        function=lambda h_NF: torch.nn.functional.gelu(h_NF, approximate=approximate),
        apply=lambda h_NF, out_NF: _ops.gelu.out(h_NF, approximate=approximate, out=out_NF),
        derive=derive,
    )


def _derive_silu(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
    return _ops.silu_backward.grad_input(grad_NF, h_NF, grad_input=out_NF)


def _derive_relu(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
    return _ops.threshold_backward.grad_input(grad_NF, h_NF, 0, grad_input=out_NF)


def _derive_relu_squared(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
    return torch.mul(grad_NF, h_NF.clamp_min(0).mul_(2), out=out_NF)


_RELU_SQUARED = Activation(
    function=lambda h_NF: h_NF.clamp_min(0).square(),
    apply=lambda h_NF, out_NF: torch.clamp_min(h_NF, 0, out=out_NF).square_(),
    derive=_derive_relu_squared,
)
ACTIVATIONS: Mapping[str, Activation] = {
    "silu": Activation(
        function=torch.nn.functional.silu,
        apply=lambda h_NF, out_NF: _ops.silu.out(h_NF, out=out_NF),
        derive=_derive_silu,
    ),
    "gelu": _gelu("none"),
    "gelu_tanh": _gelu("tanh"),
    "gelu_pytorch_tanh": _gelu("tanh"),
    "relu": Activation(
        function=torch.relu,
        apply=lambda h_NF, out_NF: torch.clamp_min(h_NF, 0, out=out_NF),
        derive=_derive_relu,
    ),
    "relu2": _RELU_SQUARED,
    "relu_squared": _RELU_SQUARED,
}
"""All activations by name."""


def find_activation(name: str) -> Activation:
    """The activation of that name: silu, gelu, gelu_tanh, relu, relu_squared; also Hugging Face's aliases.

    Raises:
        UnknownNameError: No such activation.
    """
    require_choice(name, "activation", ACTIVATIONS)
    return ACTIVATIONS[name]
