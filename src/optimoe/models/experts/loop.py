"""The experts' loop on a CPU as one operator: rows in the order of experts, a pair of matrix products each.

Legend: T tokens, K slots per token, N = T·K slots, P rows (slots, each expert's in whole tiles), n rows of a pass,
E experts, D model width, F hidden width of an expert, M = F or 2F (gate and up side by side).

Why an operator of its own: autograd through a loop of slices keeps five tensors per slot and writes every one to
fresh pages; here the pre-activations are the only ones kept, all else lives in buffers that one pass hands to
the next, and gradients of weights are written in place. Threads take equal shares of the rows, whatever the
routing, instead of sharing every small operation: they meet twice a call, not twenty times an expert.
torch.compile sees one opaque call, so that routing does not break its graph or make it compile again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from optimoe.models.dense.products import TILE_ROWS, product, row_tile
from optimoe.models.experts.activations import Activation, find_activation
from optimoe.models.experts.buffers import POOL
from optimoe.models.experts.shares import Scratch, Slice, cut_shares, group_passes, run_shares
from optimoe.models.experts.slots import tile_slots

ROWS = 1024
"""Most rows of a pass: enough for a matrix product at full speed, few enough for the cache."""

Shape = Sequence[int]


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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
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
        y_TD, and for the backward pass the pre-activations (empty unless kept), and slots and rows in the order of
        experts (:func:`~optimoe.models.experts.slots.tile_slots`).
    """
    act, (E, D, M), F = find_activation(activation), w_in_EDM.shape, w_out_EFD.shape[1]
    most_rows = _most_rows(expert_TK.numel(), E)
    tiled = tile_slots(expert_TK, E, row_tile(x_TD), most_rows)
    rows = _Rows(x_TD, weight_TK, *tiled, M, F)
    hidden_PM = POOL.empty((most_rows if keep else 0, M), x_TD)
    hidden_PM[rows.count :].zero_()
    y_PD = POOL.empty((rows.count + 1, D), x_TD)
    into, out = _each(w_in_EDM, b_in_EM), _each(w_out_EFD, b_out_ED)

    def run(parts: list[Slice], scratch: Scratch) -> None:
        at = slice(parts[0].start, parts[-1].end)
        x_nD = torch.index_select(x_TD, 0, rows.token_P[at], out=scratch("x", D))
        h_nM = hidden_PM[at] if keep else scratch("h", M)
        _multiply(parts, x_nD, into, h_nM)
        a_nF = act.apply(h_nM[:, :F], scratch("a", F))
        if M > F:
            a_nF.mul_(_up(act, h_nM, F, scratch))
        _multiply(parts, a_nF, out, y_PD[at])

    rows.run(run, rows.shares(D * (M + F)))
    return rows.combine(y_PD), hidden_PM, *tiled


class _Rows:
    """Rows of slots in the order of experts, the way there and back, and the work on them by passes.

    A row that fills a tile up is a copy of a slot of the same expert with weight 0, and adds 0 to every sum.
    """

    def __init__(
        self, x_TD: Tensor, weight_TK: Tensor, slot_p: Tensor, row_N: Tensor, end_E: Tensor, M: int, F: int
    ) -> None:
        self.like, self.weight_TK, self.tile = x_TD, weight_TK, row_tile(x_TD)
        self.row_N, self.ends = row_N, end_E.tolist()
        self.count = self.ends[-1]
        self.token_P = slot_p[: self.count] // weight_TK.shape[1]
        self.most_rows = max(ROWS // self.tile, 1) * self.tile
        self.columns = x_TD.shape[1] + M + 4 * F  # x, the hidden layer, at most four tensors of its activations

    @property
    def scale_P1(self) -> Tensor:
        """The gate weight of each row, 0 where it fills up a tile."""
        scale_P = self.weight_TK.new_zeros(self.count + 1).scatter_(0, self.row_N, self.weight_TK.reshape(-1))
        return scale_P[:-1, None]

    def shares(self, work_per_row: int) -> list[list[Slice]]:
        """All rows, cut into whole tiles."""
        return cut_shares(self.ends, self.most_rows, work_per_row, self.tile)

    def run(self, run: Callable[[list[Slice], Scratch], None], shares: list[list[Slice]]) -> None:
        """Run passes of every share, each with the scratch space of the one before."""

        def work(slices: list[Slice]) -> None:
            passes = group_passes(slices, self.most_rows)
            most_rows = max((parts[-1].end - parts[0].start for parts in passes), default=0)
            scratch = Scratch(self.like, most_rows, self.columns)
            for parts in passes:
                scratch.rows = parts[-1].end - parts[0].start
                run(parts, scratch)

        run_shares(work, shares)

    def combine(self, y_PD: Tensor) -> Tensor:
        """Σ_k weight·y over each token's slots, in a fixed order; dropped ones take a row of zeros, the last."""
        y_PD[-1].zero_()
        bag, row_TK = torch.nn.functional.embedding_bag, self.row_N.view_as(self.weight_TK)
        return bag(row_TK, y_PD, per_sample_weights=self.weight_TK.to(y_PD.dtype), mode="sum")


def _most_rows(num_slots: int, E: int) -> int:
    """P, or more: what is kept has a shape that does not depend on the routing, so that it can be traced."""
    return num_slots + E * (TILE_ROWS - 1)


_Affine = list[tuple[Tensor, Tensor | None]]
"""The matrix of each expert, and its bias."""


def _each(matrix_EAB: Tensor, bias_EB: Tensor | None = None) -> _Affine:
    """Matrices and biases one by one: views made at once cost a fifth of those made when they are wanted."""
    matrices = matrix_EAB.unbind(0)
    return list(zip(matrices, [None] * len(matrices) if bias_EB is None else bias_EB.unbind(0), strict=True))


def _multiply(parts: list[Slice], left_nA: Tensor, affine: _Affine, out_nB: Tensor) -> None:
    """Each slice of a pass times its expert's matrix, plus its bias."""
    for part, left_sA, out_sB in _sliced(parts, left_nA, out_nB):
        right_AB, bias_B = affine[part.expert]
        product(left_sA, right_AB, out_sB, bias_B)


def _sliced(parts: list[Slice], one_n: Tensor, other_n: Tensor) -> Iterator[tuple[Slice, Tensor, Tensor]]:
    """The slices of a pass, and their rows in two tensors."""
    sizes = [part.num_rows for part in parts]
    return zip(parts, *(torch.split_with_sizes(it, sizes) for it in (one_n, other_n)), strict=True)


def _up(act: Activation, h_nM: Tensor, F: int, scratch: Scratch) -> Tensor:
    """υ(up) of a gated expert's pre-activations: up itself in most."""
    up_nF = h_nM[:, F:]
    return up_nF if act.up is None else act.up.apply(up_nF, scratch("u", F))


@torch.library.custom_op("optimoe::expert_loop_backward", mutates_args=())
def expert_loop_backward(
    grad_TD: Tensor,
    x_TD: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    hidden_PM: Tensor,
    slot_p: Tensor,
    row_N: Tensor,
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
    rows = _Rows(x_TD, weight_TK, slot_p, row_N, end_E, M, F)
    scale_P1, dweight_P = rows.scale_P1, weight_TK.new_zeros(rows.count + 1)
    dx_PD = POOL.empty((rows.count + 1 if need_input else 0, D), x_TD)
    # Twice the work of the forward pass: each of its products has two gradients, of its input and of its weights.
    shares = rows.shares(2 * D * (M + F))
    sums = _Gradients((w_in_EDM, w_out_EFD, b_in_EM, b_out_ED), rows.ends) if need_experts else None
    back_into, back_out = _each(w_in_EDM.mT), _each(w_out_EFD.mT)

    def run(parts: list[Slice], scratch: Scratch) -> None:
        at = slice(parts[0].start, parts[-1].end)
        h_nM, scale_n1 = hidden_PM[at], scale_P1[at]
        grad_nD = torch.index_select(grad_TD, 0, rows.token_P[at], out=scratch("x", D))
        s_nF = act.apply(h_nM[:, :F], scratch("s", F))
        up_nF = _up(act, h_nM, F, scratch) if M > F else None
        a_nF = s_nF if up_nF is None else torch.mul(s_nF, up_nF, out=scratch("a", F))
        g_nF, dh_nM = scratch("g", F), scratch("h", M)
        _multiply(parts, grad_nD, back_out, g_nF)
        # dh is overwritten below, so the products of a and g may lie in its memory until they are summed.
        spare_nF = dh_nM.view(-1)[: g_nF.numel()].view_as(g_nF)
        dweight_n = dweight_P[at].copy_(torch.mul(a_nF, g_nF, out=spare_nF).sum(1))
        if b_out_ED is not None:
            for part, grad_sD, dweight_s in _sliced(parts, grad_nD, dweight_n):
                dweight_s += grad_sD @ b_out_ED[part.expert]
        if sums is not None:
            sums.add_out(parts, a_nF, grad_nD.mul_(scale_n1))
        _deactivate(act, g_nF, h_nM, s_nF, up_nF, dh_nM)
        if sums is not None:
            # The gradient's rows are done with, so x takes their buffer.
            x_nD = torch.index_select(x_TD, 0, rows.token_P[at], out=scratch("x", D))
            sums.add_in(parts, x_nD.mul_(scale_n1), dh_nM, scale_n1.to(dh_nM.dtype))
        if need_input:
            _multiply(parts, dh_nM, back_into, dx_PD[at])

    rows.run(run, shares)
    dx_TD = rows.combine(dx_PD) if need_input else x_TD.new_empty(0)
    dweight_TK = dweight_P.index_select(0, rows.row_N).view_as(weight_TK)
    dparams = [x_TD.new_empty(0) for _ in range(4)] if sums is None else sums.finish(x_TD)
    return [dx_TD, dweight_TK, *dparams]


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

    def __init__(self, params: tuple[Tensor | None, ...], ends: list[int]) -> None:
        self.params = params
        self.whole = [None if p is None else POOL.empty(p.shape, p) for p in params]
        self.each = [None if grad is None else grad.unbind(0) for grad in self.whole]
        self.taken_over: dict[int, tuple[int, list[Tensor | None]]] = {}
        # An expert without slots is written by no slice, and the memory is not zeroed.
        for e, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if start == end:
                for grad in self.whole:
                    if grad is not None:
                        grad[e].zero_()

    def _targets(self, part: Slice) -> Sequence[Tensor | None]:
        if not part.taken_over:
            return [None if grads is None else grads[part.expert] for grads in self.each]
        if part.share not in self.taken_over:
            own = [None if p is None else POOL.empty(p.shape[1:], p) for p in self.params]
            self.taken_over[part.share] = part.expert, own
        return self.taken_over[part.share][1]

    def add_in(self, parts: list[Slice], scaled_x_nD: Tensor, dh_nM: Tensor, scale_n1: Tensor) -> None:
        """Add a pass to the first matrices' gradients: ∂W_in += (weight·x)ᵀ ∂h, ∂b_in += weightᵀ ∂h."""
        for part, scaled_x_sD, dh_sM in _sliced(parts, scaled_x_nD, dh_nM):
            dw_in, _, db_in, _ = self._targets(part)
            _accumulate(dw_in, scaled_x_sD.t(), dh_sM, part.first)
            if db_in is not None:
                start = part.start - parts[0].start
                scale_1s = scale_n1[start : start + part.num_rows].t()
                _accumulate(db_in.unsqueeze(0), scale_1s, dh_sM, part.first)

    def add_out(self, parts: list[Slice], a_nF: Tensor, scaled_grad_nD: Tensor) -> None:
        """Add a pass to the second matrices' gradients: ∂W_out += aᵀ (weight·grad), ∂b_out += Σ weight·grad."""
        for part, a_sF, scaled_grad_sD in _sliced(parts, a_nF, scaled_grad_nD):
            _, dw_out, _, db_out = self._targets(part)
            _accumulate(dw_out, a_sF.t(), scaled_grad_sD, part.first)
            if db_out is not None:
                ones_1s = scaled_grad_sD.new_ones(1, part.num_rows)
                _accumulate(db_out.unsqueeze(0), ones_1s, scaled_grad_sD, part.first)

    def finish(self, like: Tensor) -> list[Tensor]:
        """The sums of all shares, in the order of the shares; empty for weights that are none."""
        for _, (e, own) in sorted(self.taken_over.items()):
            for whole, part in zip(self.whole, own, strict=True):
                if whole is not None and part is not None:
                    whole[e].add_(part)
        return [like.new_empty(0) if grad is None else grad for grad in self.whole]


def _accumulate(sum_AB: Tensor | None, left_An: Tensor, right_nB: Tensor, first: bool) -> None:
    if sum_AB is not None:
        product(left_An, right_nB, sum_AB, accumulate=not first)


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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    N, (E, _, M) = expert_TK.numel(), w_in_EDM.shape
    most_rows = _most_rows(N, E)
    slot_p, row_N, end_E = (expert_TK.new_empty(size, dtype=torch.int64) for size in (most_rows, N, E))
    return torch.empty_like(x_TD), x_TD.new_empty((most_rows if keep else 0, M)), slot_p, row_N, end_E


@expert_loop_backward.register_fake
def _fake_expert_loop_backward(
    grad_TD: Tensor,
    x_TD: Tensor,
    weight_TK: Tensor,
    w_in_EDM: Tensor,
    w_out_EFD: Tensor,
    b_in_EM: Tensor | None,
    b_out_ED: Tensor | None,
    hidden_PM: Tensor,
    slot_p: Tensor,
    row_N: Tensor,
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


@register_flop_formula([torch.ops.optimoe.expert_loop])
def loop_flops(
    x_TD: Shape, expert_TK: Shape, weight_TK: Shape, w_in_EDM: Shape, w_out_EFD: Shape, *_: Any, **__: Any
) -> int:
    """FLOPs of the loop's forward pass: 2·N·(D·M + F·D)."""
    num_slots = expert_TK[0] * expert_TK[1]
    return 2 * num_slots * (w_in_EDM[1] * w_in_EDM[2] + w_out_EFD[1] * w_out_EFD[2])


@register_flop_formula([torch.ops.optimoe.expert_loop_backward])
def loop_backward_flops(
    grad_TD: Shape,
    x_TD: Shape,
    weight_TK: Shape,
    w_in_EDM: Shape,
    w_out_EFD: Shape,
    b_in_EM: Shape | None,
    b_out_ED: Shape | None,
    hidden_PM: Shape,
    slot_p: Shape,
    row_N: Shape,
    end_E: Shape,
    activation: str,
    need_input: bool,
    need_experts: bool,
    **_: Any,
) -> int:
    """FLOPs of its backward pass: N·2·F·D for the gates, and the other products where they are needed."""
    into, out = w_in_EDM[1] * w_in_EDM[2], w_out_EFD[1] * w_out_EFD[2]
    return 2 * row_N[0] * (out + need_input * into + need_experts * (into + out))
