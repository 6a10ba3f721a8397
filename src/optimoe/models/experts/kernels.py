"""Kernels that compute y = Σ_k w_k·expert_k(x) for routed tokens.

Legend: T tokens, K slots per token, N = T·K slots, E experts, C slots of the busiest expert, D model width,
F hidden width of an expert, M = F or 2F (gate and up side by side).

All give the same outputs and gradients, skip slots of expert −1, and take any routing: empty experts, one expert
for all, the same expert twice. That experts are in [−1, E) is checked before
(:func:`optimoe.models.experts.slots.require_experts`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry, register_flop_formula

from optimoe.models.experts.activations import find_activation
from optimoe.models.experts.loop import expert_loop
from optimoe.models.experts.slots import collect, invert, sort_slots, spread
from optimoe.models.surroundings import may_look


@dataclass(frozen=True, kw_only=True)
class ExpertWeights:
    """The weights of E experts: expert(x) = (σ(gate)·up) W_out + b_out, (gate, up) = x W_in + b_in.

    Attributes:
        w_in_EDM: First matrices; M = F is a plain expert σ(x W_in) W_out, M = 2F a gated one.
        w_out_EFD: Second matrices.
        b_in_EM: Biases of the first matrices.
        b_out_ED: Biases of the second matrices.
        activation: Name of σ (:func:`optimoe.models.experts.activations.find_activation`).
    """

    w_in_EDM: Tensor
    w_out_EFD: Tensor
    b_in_EM: Tensor | None
    b_out_ED: Tensor | None
    activation: str

    def tensors(self) -> tuple[Tensor | None, ...]:
        """Matrices and biases in the order of the fields."""
        return self.w_in_EDM, self.w_out_EFD, self.b_in_EM, self.b_out_ED

    def activate(self, h: Tensor) -> Tensor:
        """σ(gate)·υ(up) of the pre-activations (…, M), or σ(h) of a plain expert."""
        F, act = self.w_out_EFD.shape[1], find_activation(self.activation)
        return act.function(h) if h.shape[-1] == F else act.gated(h[..., :F], h[..., F:])


def run_loop(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """One pair of matrix products per expert over its sorted slots, as one operator with its own backward pass.

    It reads the routing on the host: on a GPU every call waits for it.
    """
    tensors = (x_TD, weight_TK, *(p for p in weights.tensors() if p is not None))
    keep = torch.is_grad_enabled() and any(p.requires_grad for p in tensors)
    return expert_loop(x_TD, expert_TK, weight_TK, *weights.tensors(), weights.activation, keep)[0]


def run_grouped(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """Two grouped matrix products over the sorted slots; nothing leaves the device.

    Rows of dropped slots lie behind the last group, where the products leave memory as it was: they are masked
    on both sides, so that neither values nor gradients of them reach anything. On a CPU without gradients plain
    products by group take fewer steps, and kept rows alone.
    """
    if _in_place(expert_TK):
        return _run_by_group(weights, x_TD, expert_TK, weight_TK)
    K, E = expert_TK.shape[1], weights.w_in_EDM.shape[0]
    order_N, end_E = sort_slots(expert_TK, E)
    inverse_N = invert(order_N)
    kept_N1 = (expert_TK.reshape(-1, 1) >= 0).index_select(0, order_N)
    x_ND = spread(x_TD, order_N, inverse_N, K).where(kept_N1, 0)
    expert_N = expert_TK.reshape(-1).index_select(0, order_N).clamp_min(0)
    h_NM = _grouped_mm(x_ND, weights.w_in_EDM, end_E)
    if weights.b_in_EM is not None:
        # masked, for the gradient of the product below is memory that nobody wrote behind the last group
        h_NM = (h_NM + weights.b_in_EM.index_select(0, expert_N)).where(kept_N1, 0)
    a_NF = weights.activate(h_NM)
    y_ND = _grouped_mm(a_NF, weights.w_out_EFD, end_E)
    if weights.b_out_ED is not None:
        y_ND = y_ND + weights.b_out_ED.index_select(0, expert_N)
    scale_N1 = weight_TK.reshape(-1, 1).index_select(0, order_N)
    y_ND = (y_ND.where(kept_N1, 0) * scale_N1).to(x_TD.dtype)
    return collect(y_ND, order_N, inverse_N, K)


def run_padded(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """Two batched matrix products over equal shares: every expert's slots padded to those of the busiest.

    Nothing is dropped. It reads the longest share on the host.
    """
    (E, D, _), (T, K) = weights.w_in_EDM.shape, expert_TK.shape
    order_N, end_E = sort_slots(expert_TK, E)
    start_E = torch.nn.functional.pad(end_E[:-1], (1, 0))
    C = int((end_E - start_E).max()) if T else 0
    kept = int(end_E[-1])
    order_S = order_N[:kept]
    expert_S = expert_TK.reshape(-1).index_select(0, order_S)
    row_S = torch.arange(kept, device=x_TD.device) - start_E.index_select(0, expert_S) + expert_S * C
    token_S = order_S // K
    x_ECD = x_TD.new_zeros(E * C, D).index_copy(0, row_S, x_TD.index_select(0, token_S)).view(E, C, D)
    h_ECM = _batched_affine(x_ECD, weights.w_in_EDM, weights.b_in_EM)
    y_ECD = _batched_affine(weights.activate(h_ECM), weights.w_out_EFD, weights.b_out_ED)
    scale_S1 = weight_TK.reshape(-1, 1).index_select(0, order_S)
    y_SD = (y_ECD.reshape(E * C, D).index_select(0, row_S) * scale_S1).to(x_TD.dtype)
    return torch.zeros_like(x_TD).index_add(0, token_S, y_SD)


def run_gather(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """Each slot by its own expert's matrices: for a handful of tokens.

    A batched product takes copies of the matrices, and nothing leaves the device. On a CPU without gradients they
    are multiplied where they lie: a copy takes longer than what one token multiplies.
    """
    (T, K), D = expert_TK.shape, x_TD.shape[1]
    expert_N = expert_TK.reshape(-1).clamp_min(0)
    if _in_place(expert_TK):
        slots = [_one_expert(weights, x_TD[n // K, None], e) for n, e in enumerate(expert_N.tolist())]
        y_TKD = torch.cat([x_TD.new_empty(0, D), *slots]).view(T, K, D)
    else:
        w_in_NDM, w_out_NFD, b_in_NM, b_out_ND = (
            None if p is None else p.index_select(0, expert_N) for p in weights.tensors()
        )
        assert w_in_NDM is not None and w_out_NFD is not None
        x_N1D = x_TD.unsqueeze(1).expand(T, K, D).reshape(T * K, 1, D)
        h_N1M = _batched_affine(x_N1D, w_in_NDM, b_in_NM)
        y_TKD = _batched_affine(weights.activate(h_N1M), w_out_NFD, b_out_ND).view(T, K, D)
    y_TKD = y_TKD.where((expert_TK >= 0).unsqueeze(-1), 0)
    return (y_TKD * weight_TK.unsqueeze(-1)).sum(1).to(x_TD.dtype)


def _in_place(expert_TK: Tensor) -> bool:
    """Whether matrices may be taken one by one where they lie: the host knows the routing, and nothing is kept."""
    return may_look(expert_TK) and not torch.is_grad_enabled()


def _run_by_group(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """Sorted slots by the matrices of their expert, one expert after the other; dropped slots are 0."""
    (T, K), D = expert_TK.shape, x_TD.shape[1]
    order_N, end_E = sort_slots(expert_TK, weights.w_in_EDM.shape[0])
    ends = end_E.tolist()
    order_N = order_N[: ends[-1]]
    x_ND = x_TD.index_select(0, order_N // K)
    groups = [(e, a, b) for e, (a, b) in enumerate(zip([0, *ends[:-1]], ends, strict=True)) if a < b]
    y_ND = torch.cat([x_ND[:0], *(_one_expert(weights, x_ND[a:b], e) for e, a, b in groups)])
    y_TKD = x_TD.new_zeros(T * K, D).index_copy_(0, order_N, y_ND).view(T, K, D)
    return (y_TKD * weight_TK.unsqueeze(-1)).sum(1).to(x_TD.dtype)


def _one_expert(weights: ExpertWeights, x_ND: Tensor, e: int) -> Tensor:
    """One expert's output for rows that are all its own."""
    w_in_DM, w_out_FD, b_in_M, b_out_D = (None if p is None else p[e] for p in weights.tensors())
    assert w_in_DM is not None and w_out_FD is not None
    h_NM = x_ND @ w_in_DM if b_in_M is None else torch.addmm(b_in_M, x_ND, w_in_DM)
    a_NF = weights.activate(h_NM)
    return a_NF @ w_out_FD if b_out_D is None else torch.addmm(b_out_D, a_NF, w_out_FD)


def _grouped_mm(x_ND: Tensor, w_EDM: Tensor, end_E: Tensor) -> Tensor:
    """Rows of each group times its matrix; PyTorch's operator takes no float64 and no rows of odd lengths.

    Where it does not, products by group take its place, which read the groups on the host.
    """
    # Its rows and columns must begin at multiples of 16 bytes.
    aligned = all(length * x_ND.element_size() % 16 == 0 for length in w_EDM.shape[1:])
    if x_ND.dtype != torch.float64 and aligned:
        return torch.nn.functional.grouped_mm(x_ND, w_EDM, offs=end_E)
    ends = end_E.tolist()
    starts = [0, *ends[:-1]]
    groups = [x_ND[a:b] @ w_DM for a, b, w_DM in zip(starts, ends, w_EDM.unbind(0), strict=True)]
    return torch.cat([*groups, x_ND.new_zeros(x_ND.shape[0] - ends[-1], w_EDM.shape[2])])


def grouped_flops(
    left: Sequence[int], right: Sequence[int], *_: Any, out_shape: Sequence[int] | None = None, **__: Any
) -> int:
    """FLOPs of a grouped product: rows of groups by their matrices, or a sum over each group's rows."""
    return 2 * left[0] * left[1] * right[-1]


if torch.ops.aten._grouped_mm not in flop_registry:  # torch 2.13 has none
    register_flop_formula([torch.ops.aten._grouped_mm])(grouped_flops)


def _batched_affine(x_BND: Tensor, w_BDM: Tensor, b_BM: Tensor | None) -> Tensor:
    return torch.bmm(x_BND, w_BDM) if b_BM is None else torch.baddbmm(b_BM.unsqueeze(1), x_BND, w_BDM)


Kernel = Callable[[ExpertWeights, Tensor, Tensor, Tensor], Tensor]
KERNELS: dict[str, Kernel] = {
    "loop": run_loop,
    "grouped": run_grouped,
    "padded": run_padded,
    "gather": run_gather,
}
"""All kernels by name."""
