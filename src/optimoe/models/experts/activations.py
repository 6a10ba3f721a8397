"""Activation functions by name, each with a derivative that writes into a given buffer.

Legend: N rows, F hidden width of an expert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from optimoe.core.errors import require, require_choice

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
        up: Elementwise function υ of the second product: σ(gate)·υ(up); none is the identity. An activation that
            has one works in gated feed-forwards only.
    """

    function: Callable[[Tensor], Tensor]
    apply: Apply
    derive: Derive
    up: "Activation | None" = None

    def gated(self, gate: Tensor, up: Tensor) -> Tensor:
        """σ(gate)·υ(up), differentiable by autograd."""
        return self.function(gate) * (up if self.up is None else self.up.function(up))


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


SWIGLU_LIMIT, SWIGLU_SLOPE = 7.0, 1.702
"""Of the clamped SwiGLU: ``swiglu_limit`` and α of gpt-oss (its model card's code, ``torch/model.py``)."""


def _clamped(h: Tensor) -> Tensor:
    gate = h.clamp_max(SWIGLU_LIMIT)
    return gate * torch.sigmoid(SWIGLU_SLOPE * gate)


def _derive_clamped(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
    """s·(1 + α·g·(1 − s)) with s = σ(α·g), and 0 above the limit, where g no longer moves."""
    gate = h_NF.clamp_max(SWIGLU_LIMIT)
    s = torch.sigmoid(SWIGLU_SLOPE * gate)
    slope = s * (1 + SWIGLU_SLOPE * gate * (1 - s))
    return torch.mul(grad_NF, slope.masked_fill_(h_NF > SWIGLU_LIMIT, 0), out=out_NF)


def _derive_shifted(grad_NF: Tensor, h_NF: Tensor, out_NF: Tensor) -> Tensor:
    return torch.mul(grad_NF, h_NF.abs() <= SWIGLU_LIMIT, out=out_NF)


_CLAMPED_SWIGLU = Activation(
    function=_clamped,
    apply=lambda h_NF, out_NF: out_NF.copy_(_clamped(h_NF)),
    derive=_derive_clamped,
    up=Activation(
        function=lambda h: h.clamp(-SWIGLU_LIMIT, SWIGLU_LIMIT) + 1,
        apply=lambda h_NF, out_NF: torch.clamp(h_NF, -SWIGLU_LIMIT, SWIGLU_LIMIT, out=out_NF).add_(1),
        derive=_derive_shifted,
    ),
)
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
    "clamped_swiglu": _CLAMPED_SWIGLU,
    "relu2": _RELU_SQUARED,
    "relu_squared": _RELU_SQUARED,
}
"""All activations by name."""


def find_activation(name: str) -> Activation:
    """The activation of that name: silu, gelu, gelu_tanh, relu, relu_squared, clamped_swiglu; also aliases.

    Raises:
        UnknownNameError: No such activation.
    """
    require_choice(name, "activation", ACTIVATIONS)
    return ACTIVATIONS[name]


def require_gated(name: str, gated: bool) -> None:
    """Refuse an activation of two products where there is one.

    Raises:
        ConfigError: It needs a gate matrix, and the layer has none.
        UnknownNameError: No such activation.
    """
    plain = find_activation(name).up is None
    require(gated or plain, "activation", "one of a single product where nothing is gated", name)
