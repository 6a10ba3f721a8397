"""The choice among the kernels that compute routed experts.

Legend: T tokens, K slots per token, E experts, D model width, F hidden width of an expert.

Which is fastest depends on device, shape, pass and threads, and for the padded one on how even the routing is:
:func:`choose_kernel` reads it off a table that ``benchmarks/dispatch_table.py`` measured.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from math import log

import torch
from torch import Tensor

from optimoe.core.errors import ConfigError, require_choice
from optimoe.models.experts.kernels import KERNELS, ExpertWeights
from optimoe.models.experts.slots import require_experts
from optimoe.models.surroundings import active_transforms, has_no_data


def run_experts(
    weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor, weight_TK: Tensor, kernel: str | None = None
) -> Tensor:
    """The weighted sum of each token's experts.

    Args:
        weights: The experts.
        x_TD: Tokens.
        expert_TK: Expert of each slot, int32 or int64 in [−1, E); −1 skips the slot.
        weight_TK: Gate weight of each slot; may be of a wider type than the tokens.
        kernel: One of :data:`~optimoe.models.experts.kernels.KERNELS`; left out, the
            fastest by the measured table.

    Returns:
        y_TD, of the type of the tokens.

    Raises:
        UnknownNameError: No such kernel.
        InputError: An expert is out of [−1, E), or no integer.
        ConfigError: The kernel does not work under a transform of ``torch.func``.
    """
    if kernel is not None:
        require_choice(kernel, "kernel", KERNELS)
    transforms = active_transforms()
    if transforms:
        kernel = _transformed_kernel(kernel, transforms)
    elif not has_no_data(expert_TK):
        require_experts(expert_TK, weights.w_in_EDM.shape[0])
    if kernel is None:
        kernel = choose_kernel(weights, x_TD, expert_TK)
    if not torch.compiler.is_compiling():
        for seen in _WATCHING:
            seen.add(kernel)
    return KERNELS[kernel](weights, x_TD, expert_TK, weight_TK)


_WATCHING: list[set[str]] = []


@contextmanager
def kernels_used() -> Iterator[set[str]]:
    """The names of the kernels that run experts meanwhile; a compiled model's are not seen."""
    seen: set[str] = set()
    _WATCHING.append(seen)
    try:
        yield seen
    finally:
        _WATCHING.remove(seen)


def choose_kernel(weights: ExpertWeights, x_TD: Tensor, expert_TK: Tensor) -> str:
    """The kernel that was fastest at the nearest measured shape.

    While a graph is traced, and on tensors without data, it is the loop on a CPU (one opaque call) and the grouped
    product on a GPU, for any number of tokens: a choice by that number would compile the model anew at a new one.
    """
    on_gpu = x_TD.device.type == "cuda"
    if torch.compiler.is_compiling():
        return "grouped" if on_gpu else "loop"
    if has_no_data(x_TD):  # without data, PyTorch's grouped product is one of bfloat16 alone
        return "grouped" if on_gpu and x_TD.dtype == torch.bfloat16 else "loop"
    train = torch.is_grad_enabled() and (x_TD.requires_grad or weights.w_in_EDM.requires_grad)
    E, F, D = weights.w_out_EFD.shape
    row = nearest_row("cuda" if on_gpu else "cpu", train, torch.get_num_threads(), expert_TK.numel(), E, D, F)
    if row.padded_up_to > 1 and imbalance(expert_TK, E) < row.padded_up_to:
        return "padded"
    return row.kernel


def imbalance(expert_TK: Tensor, num_experts: int) -> float:
    """The busiest expert's slots ÷ the mean over experts, 1 where there are none; read on the host."""
    slots_E = torch.bincount(expert_TK.reshape(-1) + 1, minlength=num_experts + 1)[1:]
    return int(slots_E.max()) * num_experts / max(int(slots_E.sum()), 1)


def _transformed_kernel(kernel: str | None, transforms: list[str]) -> str:
    """A kernel that the transforms take, or the one that was asked for.

    Raises:
        ConfigError: That one has an operator without rules for them, or reads numbers of a batch on the host.
    """
    allowed = ("gather",) if "Vmap" in transforms else ("padded", "grouped", "gather")
    if kernel is not None and kernel not in allowed:
        raise ConfigError(
            f"kernel: must be {' or '.join(allowed)} under torch.func ({', '.join(transforms)}), got {kernel}"
        )
    return kernel or allowed[0]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """What was measured at one shape.

    Attributes:
        kernel: The fastest but for the padded one.
        padded_up_to: The imbalance (busiest expert's slots ÷ mean) up to which padding is faster still; its time
            grows with the imbalance and that of the others does not. At most 1: never.
        shape: Logarithms of threads, slots, experts and widths.
    """

    kernel: str
    padded_up_to: float
    shape: tuple[float, ...]


@cache
def table_rows() -> dict[tuple[str, bool], list[TableRow]]:
    """The measured table by device and whether gradients are needed."""
    text = files("optimoe.models").joinpath("data/dispatch.toml").read_text(encoding="utf-8")
    rows: dict[tuple[str, bool], list[TableRow]] = {}
    for row in tomllib.loads(text)["row"]:
        shape = tuple(log(row[name]) for name in ("threads", "num_slots", "num_experts", "d_model", "d_expert"))
        measured = TableRow(kernel=row["kernel"], padded_up_to=row["padded_up_to"], shape=shape)
        rows.setdefault((row["device"], row["train"]), []).append(measured)
    return rows


# A run has a few shapes, and batches of changing length a few hundred.
@lru_cache(maxsize=4096)
def nearest_row(
    device: str, train: bool, threads: int, num_slots: int, num_experts: int, d_model: int, d_expert: int
) -> TableRow:
    """The table's row that is nearest by the logarithms of threads, slots, experts and widths."""
    # Logarithms: twice the slots are as far away as twice the width.
    point = tuple(map(log, (threads, max(num_slots, 1), num_experts, d_model, d_expert)))

    def distance(row: TableRow) -> float:
        return sum((a - b) ** 2 for a, b in zip(row.shape, point, strict=True))

    return min(table_rows()[device, train], key=distance)
