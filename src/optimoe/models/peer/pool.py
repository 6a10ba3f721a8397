"""A pool of single-neuron experts as one operator: sparse products of tokens with the rows of two tables.

Legend: T tokens, J experts of a token, S = T·J slots, N experts of the pool, D model width.

Gathering the rows that tokens retrieve makes [T, J, D] tensors, J times the tokens; here every row is read from
its table straight into a sum (PyTorch's embedding bag) or a dot product (the gradient of its weights), also for
the gradients of the tables, whose bags are the slots of one expert.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from optimoe.models.experts.activations import find_activation
from optimoe.models.experts.buffers import POOL
from optimoe.models.surroundings import active_transforms

CHUNK_ROWS = 4096
"""Rows of a table's gradient that are summed at once on a CPU: at width 256 in float32 4 MiB, which stay in the
cache until they are copied into the gradient. One bag over all rows would write them to memory twice."""


def pool_experts(
    x_TD: Tensor, expert_TJ: Tensor, gate_TJ: Tensor, down_ND: Tensor, up_ND: Tensor, activation: str
) -> Tensor:
    """Σ_j g_j·σ(x·u_j)·v_j: by one operator (:func:`expert_pool`), or by plain ones under ``torch.func``."""
    if not active_transforms():
        return expert_pool(x_TD, expert_TJ, gate_TJ, down_ND, up_ND, activation)[0]
    h_TJ = (down_ND[expert_TJ] @ x_TD.unsqueeze(-1)).squeeze(-1)
    a_TJ = find_activation(activation).function(h_TJ) * gate_TJ
    return (a_TJ.unsqueeze(1) @ up_ND[expert_TJ]).squeeze(1)


@torch.library.custom_op("optimoe::expert_pool", mutates_args=())
def expert_pool(
    x_TD: Tensor, expert_TJ: Tensor, gate_TJ: Tensor, down_ND: Tensor, up_ND: Tensor, activation: str
) -> tuple[Tensor, Tensor]:
    """Σ_j g_j·σ(x·u_j)·v_j, over the rows u of ``down`` and v of ``up`` that each token retrieved.

    Args:
        x_TD: Tokens.
        expert_TJ: Rows, in [0, N); one that comes twice counts twice.
        gate_TJ: g.
        down_ND: u, one row per expert.
        up_ND: v, one row per expert.
        activation: Name of σ.

    Returns:
        y_TD, and the pre-activations x·u that the backward pass needs, (T, J).
    """
    h_TJ = _dot(x_TD, down_ND, expert_TJ)
    a_TJ = find_activation(activation).apply(h_TJ, torch.empty_like(h_TJ))
    return _sum(up_ND, expert_TJ, a_TJ.mul_(gate_TJ)), h_TJ


@torch.library.custom_op("optimoe::expert_pool_backward", mutates_args=())
def expert_pool_backward(
    grad_TD: Tensor,
    x_TD: Tensor,
    expert_TJ: Tensor,
    gate_TJ: Tensor,
    down_ND: Tensor,
    up_ND: Tensor,
    h_TJ: Tensor,
    activation: str,
    need_tables: bool,
) -> list[Tensor]:
    """Gradients of x, gates, ``down`` and ``up``; empty ones of the tables where not needed.

    With r = grad·v: ∂g = r·σ(h), ∂h = r·g·σ'(h), ∂x = Σ_j ∂h_j·u_j, ∂u_i = Σ ∂h·x and ∂v_i = Σ g·σ(h)·grad over
    the slots of expert i.
    """
    act = find_activation(activation)
    r_TJ = _dot(grad_TD, up_ND, expert_TJ)
    a_TJ = act.apply(h_TJ, torch.empty_like(h_TJ))
    dgate_TJ = r_TJ * a_TJ
    dh_TJ = act.derive(r_TJ.mul_(gate_TJ), h_TJ, torch.empty_like(h_TJ))
    dx_TD = _sum(down_ND, expert_TJ, dh_TJ)
    if not need_tables:
        return [dx_TD, dgate_TJ, x_TD.new_empty(0), x_TD.new_empty(0)]
    N = down_ND.shape[0]
    # int32 halves what the sort moves; a pool has fewer than 2^31 experts.
    sorted_S, order_S = torch.sort(expert_TJ.reshape(-1).to(torch.int32), stable=True)
    experts_N = torch.arange(N + 1, device=x_TD.device, dtype=torch.int32)
    offset_N = torch.searchsorted(sorted_S, experts_N)
    token_S = order_S // expert_TJ.shape[1]
    ddown_ND = _sum_slots(x_TD, token_S, dh_TJ.view(-1).index_select(0, order_S), offset_N)
    coefficient_S = a_TJ.mul_(gate_TJ).view(-1).index_select(0, order_S)
    return [dx_TD, dgate_TJ, ddown_ND, _sum_slots(grad_TD, token_S, coefficient_S, offset_N)]


def _sum(table_ND: Tensor, row_TJ: Tensor, weight_TJ: Tensor) -> Tensor:
    """Σ_j weight_j·table[row_j] of each token."""
    return torch.nn.functional.embedding_bag(row_TJ, table_ND, per_sample_weights=weight_TJ, mode="sum")


def _dot(x_TD: Tensor, table_ND: Tensor, row_TJ: Tensor) -> Tensor:
    """x·table[row_j] of each slot: what an embedding bag's backward pass computes for its weights."""
    T, J = row_TJ.shape
    token_S = torch.arange(T * J, device=x_TD.device) // J
    offset_T = torch.arange(T, device=x_TD.device) * J
    dot = torch.ops.aten._embedding_bag_per_sample_weights_backward
    return dot(x_TD.contiguous(), table_ND, row_TJ.reshape(-1), offset_T, token_S, 0).view(T, J)


def _sum_slots(x_TD: Tensor, token_S: Tensor, weight_S: Tensor, offset_N: Tensor) -> Tensor:
    """Σ weight·x over the slots of each expert, (N, D); slots are sorted, an expert's begin at its offset."""
    N, D = offset_N.numel() - 1, x_TD.shape[1]
    if x_TD.device.type != "cpu":
        return _bags(x_TD, token_S, weight_S, offset_N[:-1])
    out_ND = POOL.empty((N, D), x_TD)
    ends = [*offset_N[:N:CHUNK_ROWS].tolist(), token_S.numel()]
    for row, begin, end in zip(range(0, N, CHUNK_ROWS), ends, ends[1:], strict=False):
        offset_n = offset_N[row : min(row + CHUNK_ROWS, N)] - begin
        out_ND[row : row + CHUNK_ROWS] = _bags(x_TD, token_S[begin:end], weight_S[begin:end], offset_n)
    return out_ND


def _bags(x_TD: Tensor, token_S: Tensor, weight_S: Tensor, offset_n: Tensor) -> Tensor:
    bag = torch.nn.functional.embedding_bag
    return bag(token_S, x_TD, offset_n, per_sample_weights=weight_S, mode="sum")


@expert_pool.register_fake
def _fake_expert_pool(
    x_TD: Tensor, expert_TJ: Tensor, gate_TJ: Tensor, down_ND: Tensor, up_ND: Tensor, activation: str
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x_TD), torch.empty_like(gate_TJ)


@expert_pool_backward.register_fake
def _fake_expert_pool_backward(
    grad_TD: Tensor,
    x_TD: Tensor,
    expert_TJ: Tensor,
    gate_TJ: Tensor,
    down_ND: Tensor,
    up_ND: Tensor,
    h_TJ: Tensor,
    activation: str,
    need_tables: bool,
) -> list[Tensor]:
    tables = [torch.empty_like(t) if need_tables else x_TD.new_empty(0) for t in (down_ND, up_ND)]
    return [torch.empty_like(x_TD), torch.empty_like(gate_TJ), *tables]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, activation = inputs
    ctx.save_for_backward(*tensors, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.activation = activation


def _backward(ctx: Any, grad_TD: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    if grad_TD is None:
        return (None,) * 6
    need_x, _, need_gate, need_down, need_up, _ = ctx.needs_input_grad
    grads = expert_pool_backward(grad_TD.contiguous(), *ctx.saved_tensors, ctx.activation, need_down or need_up)
    dx_TD, *others = (
        grad if need else None for grad, need in zip(grads, (need_x, need_gate, need_down, need_up), strict=True)
    )
    return (dx_TD, None, *others, None)


expert_pool.register_autograd(_backward, setup_context=_setup_context)


def _pool_flops(x_TD: tuple[int, ...], expert_TJ: tuple[int, ...], *_: Any, **__: Any) -> int:
    """A dot product and a weighted row of D per slot: 4·T·J·D."""
    return 4 * expert_TJ[0] * expert_TJ[1] * x_TD[1]


def _pool_backward_flops(
    grad_TD: tuple[int, ...], x_TD: tuple[int, ...], expert_TJ: tuple[int, ...], *rest: Any, **_: Any
) -> int:
    """Those of the gate and of x, and as many again for the tables where they are needed."""
    return 4 * expert_TJ[0] * expert_TJ[1] * x_TD[1] * (1 + rest[-1])


register_flop_formula([torch.ops.optimoe.expert_pool])(_pool_flops)
register_flop_formula([torch.ops.optimoe.expert_pool_backward])(_pool_backward_flops)
