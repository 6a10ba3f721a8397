"""Kernels that compute y = Σ_k w_k·expert_k(x) for routed tokens, and the choice among them.

Legend: T tokens, K slots per token, N = T·K slots, E experts, C slots of the busiest expert, D model width,
F hidden width of an expert, M = F or 2F (gate and up side by side).

All kernels give the same outputs and gradients, skip slots of expert −1, and take any routing: empty experts, one
expert for all, the same expert twice. Which is fastest depends on device, shape and pass:
:func:`choose_kernel` reads it off a table that ``benchmarks/dispatch_table.py`` measured.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from math import log
from typing import Any

import torch
from torch import Tensor

from optimoe.core.errors import require_choice
from optimoe.models.experts.activations import find_activation
from optimoe.models.experts.loop import expert_loop, invert, sort_slots


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
        """σ(gate)·up of the pre-activations (…, M), or σ(h) of a plain expert."""
        F = self.w_out_EFD.shape[1]
        a = find_activation(self.activation).function(h[..., :F])
        return a if h.shape[-1] == F else a * h[..., F:]


def run_experts(
    weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor, kernel: str | None = None
) -> Tensor:
    """The weighted sum of each token's experts.

    Args:
        weights: The experts.
        x_TD: Tokens.
        expert_TK: Expert of each slot, integers in [−1, E); −1 skips the slot.
        weight_TK: Gate weight of each slot; may be of a wider type than the tokens.
        kernel: One of :data:`KERNELS`; left out, the fastest by the measured table.

    Returns:
        y_TD, of the type of the tokens.

    Raises:
        UnknownNameError: No such kernel.
    """
    if kernel is None:
        kernel = choose_kernel(weights, x_TD, expert_TK)
        if kernel == "padded" and _is_wasteful(expert_TK, weights.w_in_EDM.shape[0]):
            kernel = "loop"
    require_choice(kernel, "kernel", KERNELS)
    return KERNELS[kernel](weights, x_TD, expert_TK, weight_TK)


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
    on both sides, so that neither values nor gradients of them reach anything.
    """
    K, E = expert_TK.shape[1], weights.w_in_EDM.shape[0]
    order_N, end_E = sort_slots(expert_TK, E)
    inverse_N = invert(order_N)
    kept_N1 = (expert_TK.reshape(-1, 1) >= 0).index_select(0, order_N)
    x_ND = _spread(x_TD, order_N, inverse_N, K).where(kept_N1, 0)
    expert_N = expert_TK.reshape(-1).index_select(0, order_N).clamp_min(0)
    h_NM = _grouped_mm(x_ND, weights.w_in_EDM, end_E)
    if weights.b_in_EM is not None:
        h_NM = h_NM + weights.b_in_EM.index_select(0, expert_N)
    a_NF = weights.activate(h_NM)
    y_ND = _grouped_mm(a_NF, weights.w_out_EFD, end_E)
    if weights.b_out_ED is not None:
        y_ND = y_ND + weights.b_out_ED.index_select(0, expert_N)
    scale_N1 = weight_TK.reshape(-1, 1).index_select(0, order_N)
    y_ND = (y_ND.where(kept_N1, 0) * scale_N1).to(x_TD.dtype)
    return _collect(y_ND, order_N, inverse_N, K)


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
    """Each slot's own copy of its expert's matrices: for a handful of tokens; nothing leaves the device."""
    (T, K), D = expert_TK.shape, x_TD.shape[1]
    expert_N = expert_TK.reshape(-1).clamp_min(0)
    w_in_NDM, w_out_NFD, b_in_NM, b_out_ND = (
        None if p is None else p.index_select(0, expert_N) for p in weights.tensors()
    )
    assert w_in_NDM is not None and w_out_NFD is not None
    x_N1D = x_TD.unsqueeze(1).expand(T, K, D).reshape(T * K, 1, D)
    h_N1M = _batched_affine(x_N1D, w_in_NDM, b_in_NM)
    y_TKD = _batched_affine(weights.activate(h_N1M), w_out_NFD, b_out_ND).view(T, K, D)
    y_TKD = y_TKD.where((expert_TK >= 0).unsqueeze(-1), 0)
    return (y_TKD * weight_TK.unsqueeze(-1)).sum(1).to(x_TD.dtype)


def _is_wasteful(expert_TK: Tensor, num_experts: int) -> bool:
    """Whether padding to the busiest expert would more than double the rows, a few per expert aside."""
    # At twice the rows padding, fastest for equal shares, falls behind the loop, which computes none too many.
    slots_E = torch.bincount(expert_TK.reshape(-1) + 1, minlength=num_experts + 1)[1:]
    return num_experts * int(slots_E.max()) > 2 * expert_TK.numel() + FREE_ROWS * num_experts


def _grouped_mm(x_ND: Tensor, w_EDM: Tensor, end_E: Tensor) -> Tensor:
    """Rows of each group times its matrix; PyTorch's operator takes no float64, a check on its users does."""
    if x_ND.dtype != torch.float64:
        return torch.nn.functional.grouped_mm(x_ND, w_EDM, offs=end_E)
    ends = end_E.tolist()
    starts = [0, *ends[:-1]]
    groups = [x_ND[a:b] @ w_DM for a, b, w_DM in zip(starts, ends, w_EDM.unbind(0), strict=True)]
    return torch.cat([*groups, x_ND.new_zeros(x_ND.shape[0] - ends[-1], w_EDM.shape[2])])


def _batched_affine(x_BND: Tensor, w_BDM: Tensor, b_BM: Tensor | None) -> Tensor:
    return torch.bmm(x_BND, w_BDM) if b_BM is None else torch.baddbmm(b_BM.unsqueeze(1), x_BND, w_BDM)


def _spread(x_TD: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
    y_ND: Tensor = _Spread.apply(x_TD, order_N, inverse_N, K)  # type: ignore[no-untyped-call]
    return y_ND


def _collect(y_ND: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
    y_TD: Tensor = _Collect.apply(y_ND, order_N, inverse_N, K)  # type: ignore[no-untyped-call]
    return y_TD


class _Spread(torch.autograd.Function):
    """Tokens to their slots, in the order of experts; backward, the sum over a token's slots, in a fixed order."""

    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
        ctx.save_for_backward(order_N, inverse_N)
        ctx.K = K
        return x_TD.index_select(0, order_N // K)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        order_N, inverse_N = ctx.saved_tensors
        return _collect(grads[0], order_N, inverse_N, ctx.K), None, None, None


class _Collect(torch.autograd.Function):
    """The sum over each token's slots; the transpose of :class:`_Spread`."""

    @staticmethod
    def forward(ctx: Any, y_ND: Tensor, order_N: Tensor, inverse_N: Tensor, K: int) -> Tensor:
        ctx.save_for_backward(order_N, inverse_N)
        ctx.K = K
        return y_ND.index_select(0, inverse_N).view(-1, K, y_ND.shape[1]).sum(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        order_N, inverse_N = ctx.saved_tensors
        return _spread(grads[0], order_N, inverse_N, ctx.K), None, None, None


FREE_ROWS = 16
"""Rows that an expert may be padded by for nothing: a product of up to so many rows takes the time in which the
expert's weights are read."""
Kernel = Callable[[ExpertWeights, Tensor, Tensor, Tensor], Tensor]
KERNELS: dict[str, Kernel] = {
    "loop": run_loop,
    "grouped": run_grouped,
    "padded": run_padded,
    "gather": run_gather,
}
"""All kernels by name."""


def choose_kernel(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor) -> str:
    """The kernel that was fastest at the nearest measured shape.

    While a graph is traced it is the loop on a CPU (one opaque call) and the grouped product on a GPU, for any
    number of tokens: a choice by that number would compile the model anew at a new one.
    """
    device = "cuda" if x_TD.device.type == "cuda" else "cpu"
    if torch.compiler.is_compiling():
        return "loop" if device == "cpu" else "grouped"
    train = torch.is_grad_enabled() and (x_TD.requires_grad or weights.w_in_EDM.requires_grad)
    E, F, D = weights.w_out_EFD.shape
    return nearest_kernel(device, train, expert_TK.numel(), E, D, F)


@cache
def _rows() -> dict[tuple[str, bool], list[tuple[str, tuple[float, ...]]]]:
    text = files("optimoe.models").joinpath("data/dispatch.toml").read_text(encoding="utf-8")
    rows: dict[tuple[str, bool], list[tuple[str, tuple[float, ...]]]] = {}
    for row in tomllib.loads(text)["row"]:
        shape = (row["num_slots"], row["num_experts"], row["d_model"], row["d_expert"])
        key = (row["device"], row["train"])
        rows.setdefault(key, []).append((row["kernel"], tuple(map(log, shape))))
    return rows


# A run has a few shapes, and batches of changing length a few hundred.
@lru_cache(maxsize=4096)
def nearest_kernel(device: str, train: bool, num_slots: int, num_experts: int, d_model: int, d_expert: int) -> str:
    """The kernel of the table's row that is nearest by the logarithms of slots, experts and widths."""
    # Logarithms: twice the slots are as far away as twice the width.
    point = tuple(map(log, (max(num_slots, 1), num_experts, d_model, d_expert)))

    def distance(row: tuple[str, tuple[float, ...]]) -> float:
        return sum((a - b) ** 2 for a, b in zip(row[1], point, strict=True))

    return min(_rows()[device, train], key=distance)[0]
