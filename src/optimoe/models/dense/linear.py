"""Linear layers that multiply by oneDNN where it is faster.

Legend: N rows, A inputs, B outputs.
"""

from typing import Any

import torch
from torch import Tensor, nn

from optimoe.models.dense.products import TILE_ROWS, by_onednn, takes_onednn
from optimoe.models.surroundings import is_plain

SMALLEST_WORK = 2**22
"""Multiplications from which an operator of our own, some 20 µs of Python forward and backward, is repaid."""


class Linear(nn.Linear):
    """x Wᵀ + b, by oneDNN where it is faster, else as PyTorch does.

    oneDNN compiles a product for every shape, so rows must come in whole tiles, as those of batches do; prompts of
    any length are PyTorch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of rows, (…, A) → (…, B)."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight_BA: Tensor, bias_B: Tensor | None = None) -> Tensor:
    """The products x Wᵀ + b of rows (…, A), by the faster library."""
    B, A = weight_BA.shape
    num_rows = x.numel() // A
    large = num_rows * A * B >= SMALLEST_WORK and num_rows % TILE_ROWS == 0
    if large and takes_onednn(x.device, x.dtype) and weight_BA.dtype == x.dtype and is_plain(x, weight_BA):
        y: Tensor = _Linear.apply(x, weight_BA, bias_B)  # type: ignore[no-untyped-call]
        return y
    return nn.functional.linear(x, weight_BA, bias_B)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_BA: Tensor, bias_B: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight_BA)
        return by_onednn(x.flatten(0, -2), weight_BA.t(), bias_B).view(*x.shape[:-1], -1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """∂x = ∂y W, ∂W = ∂yᵀ x, ∂b = Σ ∂y."""
        x, weight_BA = ctx.saved_tensors
        x_NA, grad_NB = x.flatten(0, -2), grad.flatten(0, -2)
        need_x, need_weight, need_bias = ctx.needs_input_grad
        return (
            by_onednn(grad_NB, weight_BA).view_as(x) if need_x else None,
            _weight_gradient(grad_NB, x_NA) if need_weight else None,
            grad_NB.sum(0) if need_bias else None,
        )


def _weight_gradient(grad_NB: Tensor, x_NA: Tensor) -> Tensor:
    """∂yᵀ x, or the transpose of xᵀ ∂y where outputs are more: oneDNN is faster where columns are many."""
    if grad_NB.shape[1] > x_NA.shape[1]:
        return by_onednn(x_NA.t(), grad_NB).t()
    return by_onednn(grad_NB.t(), x_NA)
