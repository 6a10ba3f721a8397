"""FLOPs of the experts' operators, for PyTorch's counter (``torch.utils.flop_counter.FlopCounterMode``).

A multiply-add is two FLOPs; matrix products count. Every slot counts as a computed one, since a formula sees
shapes alone: without capacities the sum is what :mod:`optimoe.arch.flops` counts. The padded kernel is counted as
it runs, with the rows that it pads.

Legend: N slots, E experts, D model width, F hidden width of an expert, M = F or 2F.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry, register_flop_formula

import optimoe.models.experts.loop  # noqa: F401  # makes the operators

Shape = Sequence[int]


def loop_flops(
    x_TD: Shape, expert_TK: Shape, weight_TK: Shape, w_in_EDM: Shape, w_out_EFD: Shape, *_: Any, **__: Any
) -> int:
    """FLOPs of the loop's forward pass: 2·N·(D·M + F·D)."""
    num_slots = expert_TK[0] * expert_TK[1]
    return 2 * num_slots * (w_in_EDM[1] * w_in_EDM[2] + w_out_EFD[1] * w_out_EFD[2])


def loop_backward_flops(
    grad_TD: Shape,
    x_TD: Shape,
    weight_TK: Shape,
    w_in_EDM: Shape,
    w_out_EFD: Shape,
    b_in_EM: Shape | None,
    b_out_ED: Shape | None,
    hidden_NM: Shape,
    order_N: Shape,
    end_E: Shape,
    activation: str,
    need_input: bool,
    need_experts: bool,
    **_: Any,
) -> int:
    """FLOPs of its backward pass: N·2·F·D for the gates, and the other products where they are needed."""
    into, out = w_in_EDM[1] * w_in_EDM[2], w_out_EFD[1] * w_out_EFD[2]
    return 2 * order_N[0] * (out + need_input * into + need_experts * (into + out))


def grouped_flops(left: Shape, right: Shape, *_: Any, out_shape: Shape | None = None, **__: Any) -> int:
    """FLOPs of a grouped product: rows of groups by their matrices, or a sum over each group's rows."""
    return 2 * left[0] * left[1] * right[-1]


register_flop_formula([torch.ops.optimoe.expert_loop])(loop_flops)
register_flop_formula([torch.ops.optimoe.expert_loop_backward])(loop_backward_flops)
if torch.ops.aten._grouped_mm not in flop_registry:  # torch 2.13 has none
    register_flop_formula([torch.ops.aten._grouped_mm])(grouped_flops)
