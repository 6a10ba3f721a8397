"""Slots of tokens at experts: which experts are valid, the order of experts, and the way there and back.

Legend: T tokens, K slots per token, N = T·K slots, E experts, D model width.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from optimoe.core.errors import InputError

INDEX_TYPES = (torch.int32, torch.int64)
"""Types of expert numbers: those that PyTorch's own indices may have."""


def require_experts(expert_TK: Tensor, num_experts: int) -> None:
    """Refuse experts that there are not: nothing is computed for another expert than was asked for.

    On a CPU the numbers are read; on a GPU, which nothing waits for, the check runs there and fails there.

    Args:
        expert_TK: Expert of each slot; −1 is none.
        num_experts: E.

    Raises:
        InputError: They are no integers, or one is out of [−1, E).
    """
    if expert_TK.dtype not in INDEX_TYPES:
        raise InputError(f"experts: must be int32 or int64, got {expert_TK.dtype}")
    limits = f"in [-1, {num_experts})"
    if expert_TK.device.type == "cpu" and not torch.compiler.is_compiling():
        if expert_TK.numel():
            low, high = (int(number) for number in expert_TK.aminmax())
            if low < -1 or high >= num_experts:
                raise InputError(f"experts: must be {limits}, got {low if low < -1 else high}")
    elif expert_TK.device.type in ("cpu", "cuda"):
        valid = (expert_TK >= -1) & (expert_TK < num_experts)
        torch._assert_async(valid.all(), f"experts: must be {limits}")


def sort_slots(expert_TK: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    """Slots in the order of their experts; the dropped ones (expert −1) last.

    Returns:
        ``order_N``, slots (token·K + k), stable within an expert; ``end_E``, where each expert's slots end in it.
    """
    expert_N = expert_TK.reshape(-1)
    # Dropped slots sort behind the last expert; int32 halves what the sort moves.
    expert_N = torch.where(expert_N < 0, num_experts, expert_N).to(torch.int32)
    sorted_N, order_N = torch.sort(expert_N, stable=True)
    experts_E = torch.arange(num_experts, device=expert_TK.device, dtype=torch.int32)
    return order_N, torch.searchsorted(sorted_N, experts_E, right=True, out_int32=True)


def tile_slots(expert_TK: Tensor, num_experts: int, tile: int, most_rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows for the slots of each expert in whole tiles, filled up with copies of the expert's last slot.

    On the host and by NumPy, whose radix sort takes a tenth to a third of the time of PyTorch's.

    Args:
        expert_TK: Expert of each slot; −1 is none.
        num_experts: E.
        tile: Rows of a tile.
        most_rows: Rows of the result, whatever the routing; those behind the last expert's hold slot 0.

    Returns:
        The slot of each row, (most_rows,); ``row_N``, the row of each slot, P = ``end_E[-1]`` where it is dropped;
        and ``end_E``, where each expert's rows end.
    """
    expert_N = expert_TK.reshape(-1).cpu().numpy()
    narrow = np.int16 if num_experts < np.iinfo(np.int16).max else np.int64  # two bytes are sorted by radix
    expert_N = np.where(expert_N < 0, num_experts, expert_N).astype(narrow)
    order_N = np.argsort(expert_N, kind="stable")
    count_E = np.bincount(expert_N, minlength=num_experts + 1)[:num_experts]
    rows_E = -(-count_E // tile) * tile
    above_E, end_E = count_E.cumsum(), rows_E.cumsum()
    kept_n, shift_E = order_N[: above_E[-1]], (end_E - rows_E) - (above_E - count_E)
    row_n = np.arange(len(kept_n)) + shift_E.repeat(count_E)
    slot_p, row_N = np.zeros(most_rows, np.int64), np.full(len(order_N), end_E[-1])
    used_E = count_E > 0
    slot_p[: end_E[-1]] = kept_n[above_E[used_E] - 1].repeat(rows_E[used_E])
    slot_p[row_n] = kept_n
    row_N[kept_n] = row_n
    device = expert_TK.device
    return tuple(torch.from_numpy(it).to(device) for it in (slot_p, row_N, end_E))  # type: ignore[return-value]


def invert(order_N: Tensor) -> Tensor:
    """The inverse of a permutation: the place of each slot in the order."""
    places_N = torch.arange(order_N.numel(), device=order_N.device)
    return torch.empty_like(order_N).scatter_(0, order_N, places_N)


def spread(x_TD: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
    """Tokens to their slots, in the order of experts; backward, the sum over a token's slots, in a fixed order."""
    y_ND: Tensor = _Spread.apply(x_TD, order_N, inverse_N, K)  # type: ignore[no-untyped-call]
    return y_ND


def collect(y_ND: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
    """The sum over each token's slots; the transpose of :func:`spread`."""
    y_TD: Tensor = _Collect.apply(y_ND, order_N, inverse_N, K)  # type: ignore[no-untyped-call]
    return y_TD


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, order_N, inverse_N, ctx.K = inputs
    ctx.save_for_backward(order_N, inverse_N)


class _Spread(torch.autograd.Function):
    setup_context = staticmethod(_save)

    @staticmethod
    def forward(x_TD: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
        return x_TD.index_select(0, order_N // K)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        order_N, inverse_N = ctx.saved_tensors
        return collect(grads[0], order_N, inverse_N, ctx.K), None, None, None


class _Collect(torch.autograd.Function):
    setup_context = staticmethod(_save)

    @staticmethod
    def forward(y_ND: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
        return y_ND.index_select(0, inverse_N).view(-1, K, y_ND.shape[1]).sum(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        order_N, inverse_N = ctx.saved_tensors
        return spread(grads[0], order_N, inverse_N, ctx.K), None, None, None
