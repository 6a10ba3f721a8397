"""Muon for stacks of matrices, one for each expert, which ``torch.optim.Muon`` refuses.

Legend: E experts, A × B a matrix.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, and its steps below: as in ``torch.optim.Muon`` (Jordan et al. 2024)."""

STEPS = 5
EPSILON = 1e-7


class StackedMuon(torch.optim.Optimizer):
    """Muon on every matrix of a stack (E, A, B): the same step as ``torch.optim.Muon`` takes on each by itself.

    With M ← μM + G and U = G + μM, W ← W − rate·(decay·W + 0.2·√max(A, B)·O(U)), O the nearest orthogonal matrix
    by five Newton–Schulz steps in bfloat16. The factor 0.2·√max(A, B) gives an update AdamW's root mean square, so
    that rate and decay carry over (Moonlight, arXiv 2502.16982, Sec. 2.2).

    Args:
        params: Groups of stacks.
        lr: Learning rate.
        weight_decay: Pull towards zero, times the rate.
        momentum: μ.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every stack that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for weight_EAB in group["params"]:
                if weight_EAB.grad is None:
                    continue
                state = self.state[weight_EAB]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight_EAB.grad)
                momentum, grad_EAB, held_EAB = group["momentum"], weight_EAB.grad, state["momentum_buffer"]
                held_EAB.lerp_(grad_EAB, 1 - momentum)
                update_EAB = orthogonal(grad_EAB.lerp(held_EAB, momentum))
                weight_EAB.mul_(1 - group["lr"] * group["weight_decay"])
                scale = 0.2 * math.sqrt(max(weight_EAB.shape[-2:]))
                weight_EAB.add_(update_EAB.to(weight_EAB.dtype), alpha=-group["lr"] * scale)


def orthogonal(matrix_EAB: Tensor) -> Tensor:
    """Every matrix with its singular values near 1, in bfloat16: five quintic Newton–Schulz steps."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix_EAB.shape[-2] > matrix_EAB.shape[-1]
    x_EAB = matrix_EAB.bfloat16().mT if tall else matrix_EAB.bfloat16()
    x_EAB = x_EAB / x_EAB.norm(dim=(-2, -1), keepdim=True).clamp(min=EPSILON)
    for _ in range(STEPS):
        gram_EAA = x_EAB @ x_EAB.mT
        x_EAB = a * x_EAB + (b * gram_EAA + c * gram_EAA @ gram_EAA) @ x_EAB
    return x_EAB.mT if tall else x_EAB
