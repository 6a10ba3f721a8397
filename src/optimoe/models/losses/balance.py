"""Losses that balance experts, from sums over groups of tokens: a batch, a sequence, or all of a step.

Legend: T tokens, K slots per token, E experts, G groups of tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from optimoe.models.routing import EMPTY, Routing, without_padding


@dataclass(frozen=True, kw_only=True)
class RoutingSums:
    """What one layer's decisions sum to over groups of tokens; sums of parts add up, over batches and over ranks.

    Attributes:
        load_GE: Slots for which each expert was chosen, dropped ones included.
        score_GE: Probabilities.
        gate_GE: Gates of what is computed.
        tokens_G: Real tokens.
    """

    load_GE: Tensor
    score_GE: Tensor
    gate_GE: Tensor
    tokens_G: Tensor

    def __add__(self, other: "RoutingSums") -> "RoutingSums":
        """The sums over both."""
        return RoutingSums(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def map(self, function: Callable[[Tensor], Tensor]) -> "RoutingSums":
        """Sums with a function applied to every tensor, such as ``Tensor.detach``."""
        return RoutingSums(**{f.name: function(getattr(self, f.name)) for f in fields(self)})

    def at(self, totals: "RoutingSums") -> "RoutingSums":
        """The values of totals that these sums are a part of, with the gradient of this part."""

        def shift(part: Tensor, total: Tensor) -> Tensor:
            return total.detach() + (part - part.detach()) if part.requires_grad else total.detach()

        return RoutingSums(**{f.name: shift(getattr(self, f.name), getattr(totals, f.name)) for f in fields(self)})


def routing_sums(routing: Routing, group_T: Tensor | None = None, num_groups: int = 1) -> RoutingSums:
    """The sums of one decision over groups of its real tokens.

    Args:
        routing: The decision.
        group_T: The group of each token, in [0, G); padding may have any. Left out, all are in one.
        num_groups: G.
    """
    E = routing.score_TE.shape[1]
    chosen_TK = routing.chosen_TK
    slot_TK = chosen_TK.clamp_min(0)
    if group_T is not None:
        slot_TK = slot_TK + group_T[:, None] * E
    slot_N = slot_TK.reshape(-1)
    taken_TK = chosen_TK != EMPTY
    score_TE = without_padding(routing.score_TE, routing.valid_T)
    gate_N = routing.weight_TK.masked_fill(~taken_TK, 0).reshape(-1)

    def sums(value: Tensor, index: Tensor | None, size: int) -> Tensor:
        if index is None:
            return value.sum(0, keepdim=True)
        shape = (size, *value.shape[1:])
        return torch.zeros(shape, dtype=value.dtype, device=value.device).index_add(0, index, value)

    return RoutingSums(
        load_GE=sums(taken_TK.reshape(-1).to(torch.int64), slot_N, num_groups * E).view(num_groups, E),
        score_GE=sums(score_TE, group_T, num_groups),
        gate_GE=sums(gate_N, slot_N, num_groups * E).view(num_groups, E),
        tokens_G=sums(routing.real_T.to(torch.int64), group_T, num_groups),
    )


def load_balance_loss(sums: RoutingSums) -> Tensor:
    """Load-balancing loss max(1, E·Σ_e f_e·P_e), f_e the share of slots and P_e the mean probability of expert e.

    1 is its value in balance, for any k; E when one expert takes all of k = 1. Shares are of what was chosen,
    before any drop. Probabilities sum to 1 by normalisation in log space, so that no router lowers the loss by
    making all of its scores small; and as f and P may differ in sign of deviation (51 % of tokens at (0.51, 0.49)
    and 49 % at (0, 1) give 0.990), which is no better balance, the loss stops at 1, without gradient below.
    Source: Switch Transformer, arXiv 2101.03961, eq. 4-6, without its factor α.

    Returns:
        The loss of each group, (G,).
    """
    load_GE = sums.load_GE.to(sums.score_GE.dtype)
    share_GE = load_GE / load_GE.sum(dim=1, keepdim=True).clamp_min(1)
    score_GE = sums.score_GE / sums.tokens_G[:, None].clamp_min(1)
    return (load_GE.shape[1] * (share_GE * score_GE).sum(dim=1)).clamp_min(1)


def importance_loss(sums: RoutingSums) -> Tensor:
    """Importance loss, CV² of experts' summed gates: population variance ÷ mean² (arXiv 1701.06538, eq. 6-7).

    Returns:
        The loss of each group, (G,).
    """
    mean_G1 = sums.gate_GE.mean(dim=1, keepdim=True)
    tiny = torch.finfo(mean_G1.dtype).tiny
    return (sums.gate_GE - mean_G1).square().mean(dim=1) / mean_G1.squeeze(1).square().clamp_min(tiny)


def z_loss(routing: Routing, num_tokens: Tensor | None = None) -> Tensor:
    """Router z-loss, the mean of (ln Σ_e exp logit_e)² over real tokens (ST-MoE, arXiv 2202.08906, eq. 5).

    Args:
        routing: The decision.
        num_tokens: What the sum is divided by; left out, the real tokens of the decision.
    """
    num_tokens = routing.real_T.sum() if num_tokens is None else num_tokens
    log_partition_T = without_padding(routing.logits_TE, routing.valid_T).logsumexp(dim=1)
    return without_padding(log_partition_T, routing.valid_T).square().sum() / num_tokens.clamp_min(1)
