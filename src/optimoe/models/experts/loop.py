"""The experts' loop on a CPU as one operator: sorted slices, one pair of matrix products per expert.

Legend: T tokens, K slots per token, N = T·K slots, n slots of one slice, p ≥ n rows of a
product (zeros behind n), E experts, D model width, F hidden width
of an expert, M = F or 2F (gate and up side by side).

Why an operator of its own: autograd through a loop of slices keeps five tensors per slot and writes every one to
fresh pages; here the pre-activations are the only ones kept, all else lives in buffers that one slice hands to
the next, and gradients of weights are written in place. Threads take equal shares of the slots, whatever the
routing, instead of sharing every small operation: they meet twice a pass, not twenty times an expert.
torch.compile sees one opaque call, so that routing does not break its graph or make it compile again.
"""

from typing import Any

import torch
from torch import Tensor

from optimoe.models.experts.activations import Activation, find_activation
from optimoe.models.experts.buffers import POOL
from optimoe.models.experts.products import product
from optimoe.models.experts.shares import Scratch, Slice, cut_shares, run_shares
from optimoe.models.experts.slots import invert, sort_slots

ROWS = 1024
"""Most slots of a slice: enough for a matrix product at full speed, few enough for the cache."""


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
    """Σ_k w_k·expert_k(x) of every token, expert(x) = (σ(gate)·υ(up)) W_out + b_out, (gate, up) = x W_in + b_in.

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
    act, (E, D, M), F = find_activation(activation), w_in_EDM.shape, w_out_EFD.shape[1]
    order_N, end_E = sort_slots(expert_TK, E)
    ends, token_N = end_E.tolist(), order_N // expert_TK.shape[1]
    hidden_NM = POOL.empty((order_N.numel() if keep else 0, M), x_TD)
    y_ND = POOL.empty((order_N.numel(), D), x_TD)

    def run(slices: list[Slice]) -> None:
        scratch = Scratch(x_TD, slices)
        for part in slices:
            e, rows, n = part.expert, part.rows, part.num_rows
            x_pD = _gather(x_TD, token_N[rows], scratch("x", n, D))
            h_nM = hidden_NM[rows] if keep else scratch("h", n, M)[:n]
            product(x_pD, w_in_EDM[e], h_nM, None if b_in_EM is None else b_in_EM[e])
            a_pF = scratch("a", n, F)
            _activate(act, h_nM, a_pF[:n], scratch)
            product(a_pF, w_out_EFD[e], y_ND[rows], None if b_out_ED is None else b_out_ED[e])

    run_shares(run, cut_shares(ends, ROWS, D * (M + F)))
    return _combine(y_ND, order_N, ends[-1], weight_TK), hidden_NM, order_N, end_E


def _gather(x_TD: Tensor, token_n: Tensor, out_pD: Tensor) -> Tensor:
    """Rows of tokens, written to the first n rows."""
    torch.index_select(x_TD, 0, token_n, out=out_pD[: len(token_n)])
    return out_pD


def _activate(act: Activation, h_nM: Tensor, out_nF: Tensor, scratch: Scratch) -> None:
    """σ(gate)·υ(up) of a gated expert, σ(h) of a plain one."""
    F = out_nF.shape[1]
    act.apply(h_nM[:, :F], out_nF)
    if h_nM.shape[1] > F:
        out_nF.mul_(_up(act, h_nM, F, scratch))


def _up(act: Activation, h_nM: Tensor, F: int, scratch: Scratch) -> Tensor:
    """υ(up) of a gated expert's pre-activations: up itself in most."""
    up_nF = h_nM[:, F:]
    return up_nF if act.up is None else act.up.apply(up_nF, scratch("u", len(up_nF), F)[: len(up_nF)])


def _combine(y_ND: Tensor, order_N: Tensor, kept: int, weight_TK: Tensor) -> Tensor:
    """Σ_k weight·y over each token's slots, in a fixed order; slots behind the kept ones count as 0."""
    # Memory behind the kept slots was never written: 0 times a NaN there would not be 0.
    y_ND[kept:].zero_()
    place_TK = invert(order_N).view_as(weight_TK)
    bag = torch.nn.functional.embedding_bag
    return bag(place_TK, y_ND, per_sample_weights=weight_TK.to(y_ND.dtype), mode="sum")


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
    The gate weight scales rows of D numbers (x, grad, ∂x), not the wider ones of the hidden layer.
    """
    act, (D, M), F = find_activation(activation), w_in_EDM.shape[1:], w_out_EFD.shape[1]
    ends, token_N = end_E.tolist(), order_N // weight_TK.shape[1]
    scale_N1 = weight_TK.reshape(-1, 1).index_select(0, order_N)
    dweight_N = weight_TK.new_zeros(order_N.shape[0])
    dx_ND = POOL.empty((order_N.numel() if need_input else 0, D), x_TD)
    # Twice the work of the forward pass: each of its products has two gradients, of its input and of its weights.
    shares = cut_shares(ends, ROWS, 2 * D * (M + F))
    sums = _Gradients((w_in_EDM, w_out_EFD, b_in_EM, b_out_ED), ends, len(shares)) if need_experts else None

    def run(slices: list[Slice]) -> None:
        scratch = Scratch(x_TD, slices)
        for part in slices:
            e, rows, n = part.expert, part.rows, part.num_rows
            h_nM, scale_n1 = hidden_NM[rows], scale_N1[rows]
            grad_pD, s_pF = _gather(grad_TD, token_N[rows], scratch("x", n, D)), scratch("s", n, F)
            s_nF = act.apply(h_nM[:, :F], s_pF[:n])
            up_nF = _up(act, h_nM, F, scratch) if M > F else None
            a_pF = s_pF if up_nF is None else scratch("a", n, F)
            if up_nF is not None:
                torch.mul(s_nF, up_nF, out=a_pF[:n])
            g_nF, dh_pM = scratch("g", n, F)[:n], scratch("h", n, M)
            product(grad_pD, w_out_EFD[e].t(), g_nF)
            # dh is overwritten below, so the products of a and g may lie in its memory until they are summed.
            dweight_n = torch.mul(a_pF[:n], g_nF, out=dh_pM.view(-1)[: n * F].view(n, F)).sum(1)
            if b_out_ED is not None:
                dweight_n += grad_pD[:n] @ b_out_ED[e]
            dweight_N[rows] = dweight_n
            if sums is not None:
                sums.add_out(part, a_pF, _scaled(grad_pD, scale_n1))
            _deactivate(act, g_nF, h_nM, s_nF, up_nF, dh_pM[:n])
            if sums is not None:
                # The gradient's rows are done with, so x takes their buffer.
                x_pD = _gather(x_TD, token_N[rows], scratch("x", n, D))
                sums.add_in(part, _scaled(x_pD, scale_n1), dh_pM, scale_n1)
            if need_input:
                product(dh_pM, w_in_EDM[e].t(), dx_ND[rows])

    run_shares(run, shares)
    dx_TD = _combine(dx_ND, order_N, ends[-1], weight_TK) if need_input else x_TD.new_empty(0)
    dweight_TK = torch.empty_like(dweight_N).index_copy_(0, order_N, dweight_N).view_as(weight_TK)
    dparams = [x_TD.new_empty(0)] * 4 if sums is None else sums.finish(x_TD)
    return [dx_TD, dweight_TK, *(dparam.clone() if dparam.numel() == 0 else dparam for dparam in dparams)]


def _scaled(x_pD: Tensor, scale_n1: Tensor) -> Tensor:
    x_pD[: len(scale_n1)].mul_(scale_n1)
    return x_pD


def _deactivate(
    act: Activation, g_nF: Tensor, h_nM: Tensor, s_nF: Tensor, up_nF: Tensor | None, dh_nM: Tensor
) -> None:
    """∂h: of a plain expert g·σ'(h); of a gated one (g·υ(up)·σ'(gate), g·σ(gate)·υ'(up)), with s = σ(gate)."""
    F = g_nF.shape[1]
    if up_nF is None:
        act.derive(g_nF, h_nM, dh_nM)
        return
    dup_nF = torch.mul(g_nF, s_nF, out=dh_nM[:, F:])
    if act.up is not None:
        act.up.derive(dup_nF, h_nM[:, F:], dup_nF)
    act.derive(g_nF.mul_(up_nF), h_nM[:, :F], dh_nM[:, :F])


class _Gradients:
    """Gradients of weights, summed over an expert's slices; a share that takes over an expert has its own sum."""

    def __init__(self, params: tuple[Tensor | None, ...], ends: list[int], num_shares: int) -> None:
        self.params = params
        self.whole = [None if p is None else POOL.empty(p.shape, p) for p in params]
        self.taken_over: dict[int, tuple[int, list[Tensor | None]]] = {}
        # An expert without slots is written by no slice, and the memory is not zeroed.
        for e, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if start == end:
                for grad in self.whole:
                    if grad is not None:
                        grad[e].zero_()

    def _targets(self, part: Slice) -> list[Tensor | None]:
        if not part.taken_over:
            return [None if grad is None else grad[part.expert] for grad in self.whole]
        if part.share not in self.taken_over:
            own = [None if p is None else POOL.empty(p.shape[1:], p) for p in self.params]
            self.taken_over[part.share] = part.expert, own
        return self.taken_over[part.share][1]

    def add_in(self, part: Slice, scaled_x_pD: Tensor, dh_pM: Tensor, scale_n1: Tensor) -> None:
        """Add a slice to the first matrices' gradients: ∂W_in += (weight·x)ᵀ ∂h, ∂b_in += weightᵀ ∂h."""
        dw_in, _, db_in, _ = self._targets(part)
        dh_nM = dh_pM[: part.num_rows]
        _accumulate(dw_in, scaled_x_pD.t(), dh_pM, part.first)
        if db_in is not None:
            _accumulate(db_in.unsqueeze(0), scale_n1.t().to(dh_nM.dtype), dh_nM, part.first)

    def add_out(self, part: Slice, a_pF: Tensor, scaled_grad_pD: Tensor) -> None:
        """Add a slice to the second matrices' gradients: ∂W_out += aᵀ (weight·grad), ∂b_out += Σ weight·grad."""
        _, dw_out, _, db_out = self._targets(part)
        _accumulate(dw_out, a_pF.t(), scaled_grad_pD, part.first)
        if db_out is not None:
            ones_1p = scaled_grad_pD.new_ones(1, len(scaled_grad_pD))
            _accumulate(db_out.unsqueeze(0), ones_1p, scaled_grad_pD, part.first)

    def finish(self, like: Tensor) -> list[Tensor]:
        """The sums of all shares, in the order of the shares; empty for weights that are none."""
        for _, (e, own) in sorted(self.taken_over.items()):
            for whole, part in zip(self.whole, own, strict=True):
                if whole is not None and part is not None:
                    whole[e].add_(part)
        return [like.new_empty(0) if grad is None else grad for grad in self.whole]


def _accumulate(sum_AB: Tensor | None, left_Ap: Tensor, right_pB: Tensor, first: bool) -> None:
    if sum_AB is not None:
        product(left_Ap, right_pB, sum_AB, accumulate=not first)


@expert_loop.register_fake
def _fake_expert_loop(
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
def _fake_expert_loop_backward(
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
