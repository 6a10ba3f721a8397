"""The experts' loop on a CPU as one operator: sorted slices, one pair of matrix products per expert.

Legend: T tokens, K slots per token, N = T·K slots, n slots of one expert, E experts, D model width, F hidden
width of an expert, M = F or 2F (gate and up side by side).

Why an operator of its own: autograd through a loop of slices keeps five tensors per slot and writes every one to
fresh pages; here the pre-activations are the only ones kept, all else lives in buffers that one expert hands to
the next, and gradients of weights are written in place, each once. torch.compile sees one opaque call, so that
routing does not break its graph or make it compile again.
"""

from typing import Any

import torch
from torch import Tensor

from optimoe.models.activations import Activation, find_activation
from optimoe.models.buffers import POOL


def sort_slots(expert_TK: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    """Slots in the order of their experts; the dropped ones (expert −1) last.

    Returns:
        ``order_N``, slots (token·K + k), stable within an expert; ``end_E``, where each expert's slots end in it.
    """
    expert_N = expert_TK.reshape(-1)
    expert_N = torch.where(expert_N < 0, num_experts, expert_N).to(torch.int32)
    sorted_N, order_N = torch.sort(expert_N, stable=True)
    experts_E = torch.arange(num_experts, device=expert_TK.device, dtype=torch.int32)
    return order_N, torch.searchsorted(sorted_N, experts_E, right=True, out_int32=True)


@torch.library.custom_op("optimoe::expert_loop", mutates_args=())
def expert_loop(
    x_TD: Tensor,
    expert_TK: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    activation: str,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Σ_k w_k·expert_k(x) of every token, expert(x) = (σ(gate)·up) W_out + b_out, (gate, up) = x W_in + b_in.

    Args:
        x_TD: Tokens.
        expert_TK: Expert of each slot; −1 is skipped.
        weight_TK: Gate weight of each slot.
        w_in_EDM: First matrices; M = F is a plain expert, M = 2F a gated one.
        w_out_EFD: Second matrices.
        b_in_EM: Biases of the first matrices.
        b_out_ED: Biases of the second matrices.
        activation: Name of σ.
        keep: Whether a backward pass will follow.

    Returns:
        y_TD, and for the backward pass the pre-activations (empty unless kept), the order and the ends of slots.
    """
    act = find_activation(activation)
    (T, D), K, (E, F, _) = x_TD.shape, expert_TK.shape[1], w_out_EFD.shape
    M = w_in_EDM.shape[2]
    order_N, end_E = sort_slots(expert_TK, E)
    ends = end_E.tolist()
    token_N, scale_N1 = order_N // K, weight_TK.reshape(-1, 1).index_select(0, order_N)
    y_TD = torch.zeros_like(x_TD)
    work = _Buffers(x_TD, ends)
    hidden_NM = POOL.empty((T * K if keep else 0, M), x_TD)
    start = 0
    for e, end in enumerate(ends):
        if end == start:
            continue
        token_n, n = token_N[start:end], end - start
        x_nD = torch.index_select(x_TD, 0, token_n, out=work(0, n, D))
        h_nM = hidden_NM[start:end] if keep else work(1, n, M)
        _affine(x_nD, w_in_EDM[e], b_in_EM, e, h_nM)
        a_nF = _activate(act, h_nM, F, work(2, n, F)).mul_(scale_N1[start:end])
        y_nD = torch.mm(a_nF, w_out_EFD[e], out=x_nD)
        if b_out_ED is not None:
            y_nD.addcmul_(scale_N1[start:end], b_out_ED[e])
        y_TD.index_add_(0, token_n, y_nD)
        start = end
    return y_TD, hidden_NM, order_N, end_E


class _Buffers:
    """Scratch space that one expert hands to the next: each slot holds the longest slice so far."""

    def __init__(self, like: Tensor, ends: list[int]) -> None:
        self.like = like
        self.rows = max((end - start for start, end in zip([0, *ends], ends, strict=False)), default=0)
        self.slots: dict[int, Tensor] = {}

    def __call__(self, slot: int, rows: int, columns: int) -> Tensor:
        """A contiguous (rows, columns) view of the slot."""
        if slot not in self.slots:
            self.slots[slot] = POOL.empty((self.rows * columns,), self.like)
        return self.slots[slot][: rows * columns].view(rows, columns)


def _affine(x_nD: Tensor, w_DM: Tensor, b_EM: Tensor | None, e: int, out_nM: Tensor) -> None:
    if b_EM is None:
        torch.mm(x_nD, w_DM, out=out_nM)
    else:
        torch.addmm(b_EM[e], x_nD, w_DM, out=out_nM)


def _activate(act: Activation, h_nM: Tensor, F: int, out_nF: Tensor) -> Tensor:
    act.apply(h_nM[:, :F], out_nF)
    return out_nF if h_nM.shape[1] == F else out_nF.mul_(h_nM[:, F:])


@torch.library.custom_op("optimoe::expert_loop_backward", mutates_args=())
def expert_loop_backward(
    grad_TD: Tensor,
    x_TD: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    hidden_NM: Tensor,
    order_N: Tensor,
    end_E: Tensor,
    activation: str,
    need_input: bool,
    need_experts: bool,
) -> list[Tensor]:
    """Gradients of x, gate weights, w_in, w_out, b_in, b_out; empty ones where not needed.

    With g = grad W_outᵀ per slot: ∂weight = ⟨a, g⟩ + ⟨grad, b_out⟩, so that the experts' outputs are never kept.
    """
    act = find_activation(activation)
    D, K, (F, M) = x_TD.shape[1], weight_TK.shape[1], (w_out_EFD.shape[1], w_in_EDM.shape[2])
    ends = end_E.tolist()
    token_N, scale_N1 = order_N // K, weight_TK.reshape(-1, 1).index_select(0, order_N)
    dweight_N = weight_TK.new_zeros(order_N.shape[0])
    dx_TD = torch.zeros_like(x_TD) if need_input else x_TD.new_empty(0)
    params = (w_in_EDM, w_out_EFD, b_in_EM, b_out_ED)
    dw_in, dw_out, db_in, db_out = (
        POOL.empty(p.shape, p) if need_experts and p is not None else x_TD.new_empty(0) for p in params
    )
    work = _Buffers(x_TD, ends)
    start = 0
    for e, end in enumerate(ends):
        if end == start:
            for grad in (dw_in, dw_out, db_in, db_out):
                if grad.numel():
                    grad[e].zero_()
            continue
        token_n, n, scale_n1 = token_N[start:end], end - start, scale_N1[start:end]
        h_nM = hidden_NM[start:end]
        grad_nD = torch.index_select(grad_TD, 0, token_n, out=work(0, n, D))
        s_nF = act.apply(h_nM[:, :F], work(5, n, F))
        a_nF = torch.mul(s_nF, h_nM[:, F:], out=work(1, n, F)) if M > F else s_nF
        g_nF = torch.mm(grad_nD, w_out_EFD[e].t(), out=work(2, n, F))
        dweight_N[start:end] = torch.mul(a_nF, g_nF, out=work(3, n, F)).sum(1)
        if b_out_ED is not None:
            dweight_N[start:end] += grad_nD @ b_out_ED[e]
        if need_experts:
            torch.mm(a_nF.mul_(scale_n1).t(), grad_nD, out=dw_out[e])
            if b_out_ED is not None:
                torch.mm(scale_n1.t(), grad_nD, out=db_out[e : e + 1])
        g_nF.mul_(scale_n1)
        dh_nM = _deactivate(act, g_nF, h_nM, s_nF, work(4, n, M))
        if need_experts:
            x_nD = torch.index_select(x_TD, 0, token_n, out=work(0, n, D))
            torch.mm(x_nD.t(), dh_nM, out=dw_in[e])
            if b_in_EM is not None:
                torch.sum(dh_nM, 0, out=db_in[e])
        if need_input:
            dx_TD.index_add_(0, token_n, torch.mm(dh_nM, w_in_EDM[e].t(), out=work(0, n, D)))
        start = end
    dweight_TK = torch.empty_like(dweight_N).index_copy_(0, order_N, dweight_N).view_as(weight_TK)
    return [dx_TD, dweight_TK, dw_in, dw_out, db_in, db_out]


def _deactivate(act: Activation, g_nF: Tensor, h_nM: Tensor, s_nF: Tensor, dh_nM: Tensor) -> Tensor:
    """∂h: of a plain expert g·σ'(h); of a gated one (g·up·σ'(gate), g·σ(gate)), with s = σ(gate)."""
    F = g_nF.shape[1]
    if h_nM.shape[1] == F:
        return act.derive(g_nF, h_nM, dh_nM)
    torch.mul(g_nF, s_nF, out=dh_nM[:, F:])
    act.derive(g_nF.mul_(h_nM[:, F:]), h_nM[:, :F], dh_nM[:, :F])
    return dh_nM


@expert_loop.register_fake
def _(
    x_TD: Tensor,
    expert_TK: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    activation: str,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    N, (E, _, M) = expert_TK.numel(), w_in_EDM.shape
    order_N = expert_TK.new_empty(N, dtype=torch.int64)
    end_E = expert_TK.new_empty(E, dtype=torch.int32)
    return torch.empty_like(x_TD), x_TD.new_empty((N if keep else 0, M)), order_N, end_E


@expert_loop_backward.register_fake
def _(
    grad_TD: Tensor,
    x_TD: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    hidden_NM: Tensor,
    order_N: Tensor,
    end_E: Tensor,
    activation: str,
    need_input: bool,
    need_experts: bool,
) -> list[Tensor]:
    nothing = x_TD.new_empty(0)
    params = (w_in_EDM, w_out_EFD, b_in_EM, b_out_ED)
    grads = [torch.empty_like(p) if need_experts and p is not None else nothing.clone() for p in params]
    return [torch.empty_like(x_TD) if need_input else nothing, torch.empty_like(weight_TK), *grads]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x_TD, _, weight_TK, *params, activation, _ = inputs
    _, *kept = output
    ctx.save_for_backward(x_TD, weight_TK, *params, *kept)
    ctx.mark_non_differentiable(*kept)
    ctx.set_materialize_grads(False)
    ctx.activation = activation


def _backward(ctx: Any, grad_TD: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    if grad_TD is None:
        return (None,) * 9
    need_x, _, _, *need_params = ctx.needs_input_grad[:7]
    grads = expert_loop_backward(
        grad_TD.contiguous(), *ctx.saved_tensors, ctx.activation, need_x, any(need_params)
    )
    dx_TD, dweight_TK, *dparams = (
        grad if need else None
        for grad, need in zip(grads, (need_x, ctx.needs_input_grad[2], *need_params), strict=True)
    )
    return (dx_TD, None, dweight_TK, *dparams, None, None)


expert_loop.register_autograd(_backward, setup_context=_setup_context)
