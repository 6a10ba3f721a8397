"""Routed experts: E feed-forward networks of one shape, each token passed through the ones it was routed to.

Legend: T tokens, K slots per token, E experts, D model width, F hidden width of an expert, M = F or 2F.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from optimoe.core.errors import require, require_choice
from optimoe.models.experts.activations import require_gated
from optimoe.models.experts.dispatch import run_experts
from optimoe.models.experts.kernels import KERNELS, ExpertWeights
from optimoe.models.surroundings import autocast_dtype


class Experts(nn.Module):
    """y = Σ_k w_k·expert_k(x), expert(x) = (σ(x W_gate)·x W_up) W_out, or σ(x W_in) W_out where not gated.

    Matrices are stored as inputs × outputs, one expert after the other, gate and up side by side (gate first):
    a slice of slots is multiplied without a transposition, and one product serves gate and up. Hugging Face
    stores the transposes.

    Attributes:
        w_in: (E, D, M), first matrices; M = 2F when gated, else F.
        w_out: (E, F, D), second matrices.
        b_in: (E, M), or none.
        b_out: (E, D), or none.
        run: What computes them: :func:`~optimoe.models.experts.dispatch.run_experts`, or what has its arguments
            and sends tokens to other ranks' experts.

    Args:
        num_experts: E.
        d_model: D.
        d_expert: F.
        gated: Whether each expert has a gate matrix (SwiGLU and its like).
        activation: Name of σ (:func:`optimoe.models.experts.activations.find_activation`).
        bias: Whether each matrix adds a bias.
        kernel: One of :data:`optimoe.models.experts.kernels.KERNELS`; left out, the fastest as measured.

    Raises:
        ConfigError: A count is not positive.
        UnknownNameError: No such activation or kernel.
    """

    run: Callable[[ExpertWeights, Tensor, Tensor, Tensor, str | None], Tensor] = staticmethod(run_experts)

    def __init__(
        self,
        num_experts: int,
        d_model: int,
        d_expert: int,
        gated: bool,
        activation: str,
        bias: bool = False,
        *,
        kernel: str | None = None,
    ) -> None:
        super().__init__()
        for name, count in (("num_experts", num_experts), ("d_model", d_model), ("d_expert", d_expert)):
            require(count > 0, name, "positive", count)
        if kernel is not None:
            require_choice(kernel, "kernel", KERNELS)
        require_gated(activation, gated)
        self.num_experts, self.d_model, self.d_expert = num_experts, d_model, d_expert
        self.gated, self.activation, self.kernel = gated, activation, kernel
        d_hidden = (1 + gated) * d_expert
        self.w_in = nn.Parameter(torch.empty(num_experts, d_model, d_hidden))
        self.w_out = nn.Parameter(torch.empty(num_experts, d_expert, d_model))
        self.b_in = nn.Parameter(torch.empty(num_experts, d_hidden)) if bias else None
        self.b_out = nn.Parameter(torch.empty(num_experts, d_model)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw matrices from a normal distribution of variance 1/inputs; biases start at zero."""
        nn.init.normal_(self.w_in, std=self.d_model**-0.5)
        nn.init.normal_(self.w_out, std=self.d_expert**-0.5)
        for bias in (self.b_in, self.b_out):
            if bias is not None:
                nn.init.zeros_(bias)

    def forward(self, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
        """The weighted sum of each token's experts.

        Args:
            x_TD: Tokens.
            expert_TK: Expert of each slot, integers in [−1, E); −1 skips the slot.
            weight_TK: Gate weight of each slot; may stay in float32 beside tokens of lower precision.

        Returns:
            y_TD, of the type of the tokens (under autocast, of autocast's).

        Raises:
            InputError: An expert is none of these; on a GPU the kernel fails, as for any index out of range.
        """
        tensors = (self.w_in, self.w_out, self.b_in, self.b_out)
        dtype = autocast_dtype(x_TD)
        if dtype is not None:  # grouped products and our loop are none of autocast's operators
            x_TD, *tensors = (None if p is None else p.to(dtype) for p in (x_TD, *tensors))  # type: ignore[assignment]
        w_in, w_out, b_in, b_out = tensors
        weights = ExpertWeights(
            w_in_EDM=w_in, w_out_EFD=w_out, b_in_EM=b_in, b_out_ED=b_out, activation=self.activation
        )
        return self.run(weights, x_TD, expert_TK, weight_TK, self.kernel)

    def extra_repr(self) -> str:
        """The shape, for ``print(module)``."""
        return (
            f"num_experts={self.num_experts}, d_model={self.d_model}, d_expert={self.d_expert}, "
            f"gated={self.gated}, activation={self.activation!r}, bias={self.b_in is not None}"
        )
