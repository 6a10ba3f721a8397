"""Tokens that travel to the ranks that hold their experts, and back.

Legend: T tokens, K slots per token, N slots that are computed, n slots that arrive here, E experts, R ranks that
share them, L = E/R experts of one rank, D model width.

Each rank sorts its slots by expert, which is also by rank, and sends each rank the rows of its experts; that rank
computes them with the same kernels as a process that has all experts, and sends them back; gates weigh them where
they came from. Backward, gradients travel the same ways.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, distributed
from torch.distributed import ProcessGroup
from torch.distributed.tensor import DTensor

from optimoe.models.experts.dispatch import run_experts
from optimoe.models.experts.kernels import ExpertWeights
from optimoe.models.experts.slots import collect, invert, require_experts, sort_slots, spread


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What runs experts in place of :func:`~optimoe.models.experts.dispatch.run_experts` where ranks share them.

    Attributes:
        group: The ranks, in the order of their experts.
        num_experts: E.
        num_frozen: So many of them, the first ones, are frozen. They are dealt apart, so that each rank trains as
            many as any other: rank r has the r-th part of these, and after them the r-th part of the others.
    """

    group: ProcessGroup
    num_experts: int
    num_frozen: int = 0

    def __call__(
        self, weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor, kernel: str | None = None
    ) -> Tensor:
        """The weighted sum of each token's experts; all ranks call it as often, with as many tokens as they have.

        Args:
            weights: This rank's experts.
            x_TD: This rank's tokens.
            expert_TK: Expert of each slot, of all ranks' experts; −1 skips the slot.
            weight_TK: Gate weight of each slot.
            kernel: That computes them; left out, the fastest.

        Raises:
            InputError: An expert is none of these.
        """
        require_experts(expert_TK, self.num_experts)
        ranks, K = distributed.get_world_size(self.group), expert_TK.shape[1]
        if self.num_frozen:
            place_E = places(self.num_experts, self.num_frozen, ranks).to(expert_TK.device)
            expert_TK = place_E[expert_TK].where(expert_TK >= 0, expert_TK)
        order_N, end_E = sort_slots(expert_TK, self.num_experts)
        inverse_N = invert(order_N)
        sent_RL = end_E.diff(prepend=end_E.new_zeros(1)).view(ranks, -1)
        arrived_RL = torch.empty_like(sent_RL)
        distributed.all_to_all_single(arrived_RL, sent_RL, group=self.group)
        there, here = (count_RL.sum(1).tolist() for count_RL in (sent_RL, arrived_RL))
        rows_ND = spread(x_TD, order_N, inverse_N, K)
        num_kept = sum(there)
        x_nD = _travel(rows_ND[:num_kept], there, here, self.group)
        local_L = torch.arange(arrived_RL.shape[1], device=x_TD.device)
        expert_n = local_L.repeat(ranks).repeat_interleave(arrived_RL.flatten().long())
        own = _of_rank(weights, ranks)
        y_nD = run_experts(own, x_nD, expert_n[:, None], x_nD.new_ones(len(x_nD), 1), kernel)
        y_ND = _travel(y_nD, here, there, self.group)
        scale_N1 = weight_TK.reshape(-1, 1).index_select(0, order_N[:num_kept])
        y_ND = (y_ND * scale_N1).to(x_TD.dtype)
        dropped = y_ND.new_zeros(order_N.numel() - num_kept, y_ND.shape[1])
        return collect(torch.cat([y_ND, dropped]), order_N, inverse_N, K)


def places(num_experts: int, num_frozen: int, ranks: int) -> Tensor:
    """Where each expert is among those of all ranks, one rank after the other, (E,).

    Args:
        num_experts: E.
        num_frozen: The first ones, dealt before the others.
        ranks: R, a divisor of both parts.
    """
    all_E = torch.arange(num_experts)
    expert_RL = torch.cat([part.reshape(ranks, -1) for part in (all_E[:num_frozen], all_E[num_frozen:])], dim=1)
    return expert_RL.flatten().argsort()


def joined_rows(parts: list[Tensor]) -> Tensor:
    """Rows of one tensor after those of another, of each rank's part by itself.

    Args:
        parts: Tensors whose rows are dealt to the same ranks.
    """
    dealt = [part for part in parts if isinstance(part, DTensor)]
    whole = torch.cat([part.to_local() for part in dealt])
    return DTensor.from_local(whole, dealt[0].device_mesh, dealt[0].placements, run_check=False)


def _of_rank(weights: ExpertWeights, ranks: int) -> ExpertWeights:
    """The experts of this rank as plain tensors, their gradients divided by the ranks that sent tokens.

    Gradients are averaged over the ranks that hold the same experts; this makes it the average over all ranks.
    """
    own: dict[str, Any] = {}
    for name in (f.name for f in fields(weights)):
        weight = getattr(weights, name)
        if isinstance(weight, DTensor):
            own[name] = weight.to_local()
            if own[name].requires_grad:
                own[name].register_hook(lambda grad: grad / ranks)
    return replace(weights, **own)


def _travel(rows_ND: Tensor, there: list[int], here: list[int], group: ProcessGroup) -> Tensor:
    """Rows that other ranks sent here, in the order of ranks.

    Args:
        rows_ND: Rows to send, those for the first rank first.
        there: How many go to each rank.
        here: How many come from each.
        group: The ranks.
    """
    arrived: Tensor = _Travel.apply(rows_ND, there, here, group)  # type: ignore[no-untyped-call]
    return arrived


class _Travel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_ND: Tensor, there: list[int], here: list[int], group: ProcessGroup) -> Tensor:
        ctx.there, ctx.here, ctx.group = there, here, group
        arrived_nD = rows_ND.new_empty(sum(here), rows_ND.shape[1])
        distributed.all_to_all_single(arrived_nD, rows_ND.contiguous(), here, there, group=group)
        return arrived_nD

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return _travel(grads[0], ctx.here, ctx.there, ctx.group), None, None, None
