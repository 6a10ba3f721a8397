"""Norms over the last axis that take fewer passes over memory than PyTorch's on a CPU.

Legend: N rows, D width.
"""

from typing import Any

import torch
from torch import Tensor, nn

from optimoe.models.surroundings import is_plain


class RMSNorm(nn.RMSNorm):
    """x/√(mean(x²) + ε)·w (arXiv 1910.07467): one operator in float32 or wider on a CPU, elsewhere PyTorch's."""

    def forward(self, x: Tensor) -> Tensor:
        """The norm of rows, (…, D)."""
        one_type = x.dtype == self.weight.dtype and x.dtype in (torch.float32, torch.float64)
        if one_type and x.device.type == "cpu" and is_plain(x, self.weight):
            y: Tensor = _RMSNorm.apply(x, self.weight, self.eps)  # type: ignore[no-untyped-call]
            return y
        return super().forward(x)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_D: Tensor, eps: float) -> Tensor:
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight_D, scale)
        return (x * scale).mul_(weight_D)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """With s = 1/√(mean(x²) + ε): ∂x = s·∂y·w − x·s³·mean(∂y·w·x), ∂w = Σ s·∂y·x."""
        x, weight_D, scale = ctx.saved_tensors
        D = x.shape[-1]
        x_ND, grad_ND, scale_N1 = x.reshape(-1, D), grad.reshape(-1, D), scale.view(-1, 1)
        product_ND = grad_ND * x_ND
        dweight_D = torch.mv(product_ND.t(), scale_N1.squeeze(1)) if ctx.needs_input_grad[1] else None
        mean_N1 = torch.mv(product_ND, weight_D).unsqueeze(1).mul_(scale_N1.pow(3)).div_(-D)
        dx_ND = torch.mul(grad_ND, weight_D, out=product_ND).mul_(scale_N1).addcmul_(x_ND, mean_N1)
        return dx_ND.view(x.shape), dweight_D, None
