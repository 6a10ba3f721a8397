"""Cross-entropy of a vocabulary's logits, a few rows at a time, so that no second copy of them is made.

Legend: T tokens, V vocabulary, C rows of a chunk.
"""

from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""A target that takes no part in the loss."""

CPU_CHUNK_ELEMENTS, CHUNK_ELEMENTS = 2**18, 2**24
"""Logits that are in float32 at once, on a CPU and elsewhere; the result does not depend on them. 1 MiB stays in a
core's second-level cache, and comes from memory that the C library keeps; kernels over 64 MiB keep a GPU busy for
longer than it takes to start them."""


def token_losses(logits_TV: Tensor, target_T: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy ln Σ_v exp logit_v − logit_target and log-partition ln Σ_v exp logit_v of each token, (T,).

    Both are computed in float32 or wider, a chunk of rows at a time in either direction: where the logits are in
    16 bits, no copy of them all in 32 is made, and what a softmax returns is not kept. Rows whose target is
    :data:`IGNORED` give 0 and get no gradient, whatever they hold.

    Args:
        logits_TV: Logits of any floating type; their gradient has the same.
        target_T: Token ids, or :data:`IGNORED`.
    """
    loss_T, log_partition_T = _TokenLosses.apply(logits_TV, target_T)  # type: ignore[no-untyped-call]
    return loss_T, log_partition_T


class _TokenLosses(torch.autograd.Function):
    generate_vmap_rule = False

    @staticmethod
    def forward(logits_TV: Tensor, target_T: Tensor) -> tuple[Tensor, Tensor]:
        wide = torch.promote_types(logits_TV.dtype, torch.float32)
        rows, ignored_T = _rows(logits_TV), target_T == IGNORED
        losses, log_partitions = [], []
        targets = torch.split(target_T.clamp_min(0)[:, None], rows)
        for chunk_CV, target_C1 in zip(torch.split(logits_TV, rows), targets, strict=True):
            log_CV = chunk_CV.log_softmax(dim=1, dtype=wide)
            losses.append(log_CV.gather(1, target_C1).neg_().squeeze(1))
            # The largest logit minus its log-probability: logsumexp takes a pass of its own for each of its steps.
            log_partitions.append(chunk_CV.amax(dim=1).to(wide) - log_CV.amax(dim=1))
        loss_T, log_partition_T = (torch.cat(c).masked_fill_(ignored_T, 0) for c in (losses, log_partitions))
        return loss_T, log_partition_T

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_loss_T: Tensor, grad_partition_T: Tensor) -> tuple[Tensor, None]:
        """∂ = (∂loss + ∂partition)·softmax − ∂loss at the target."""
        logits_TV, target_T = ctx.saved_tensors
        wide = torch.promote_types(logits_TV.dtype, torch.float32)
        ignored_T1 = (target_T == IGNORED)[:, None]
        softmax_T1 = (grad_loss_T + grad_partition_T)[:, None].masked_fill(ignored_T1, 0)
        target_T1 = -grad_loss_T[:, None].masked_fill(ignored_T1, 0)
        grad_TV = torch.empty_like(logits_TV)
        rows = _rows(logits_TV)
        for first in range(0, len(logits_TV), rows):
            at = slice(first, first + rows)
            chunk_CV = logits_TV[at].softmax(dim=1, dtype=wide)
            chunk_CV = chunk_CV.mul_(softmax_T1[at]).masked_fill_(ignored_T1[at], 0)
            grad_TV[at] = chunk_CV.scatter_add_(1, target_T[at, None].clamp_min(0), target_T1[at])
        return grad_TV, None


def _rows(logits_TV: Tensor) -> int:
    elements = CPU_CHUNK_ELEMENTS if logits_TV.device.type == "cpu" else CHUNK_ELEMENTS
    return max(1, elements // max(1, logits_TV.shape[1]))
