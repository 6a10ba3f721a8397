"""How many slots an expert has, and which choices find room in them.

Legend: B sequences, T tokens, K slots per token, E experts, N = T·K slots.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from optimoe.models.routing import EMPTY, count_load

Drop = Literal["position", "choice", "score"]

DROPLESS = math.inf
"""A capacity factor that no expert's load exceeds: every token is kept."""


def capacity(num_tokens: int, top_k: int, num_experts: int, factor: float) -> int:
    """Slots of an expert: ⌈factor·T·k/E⌉ (Switch Transformer, arXiv 2101.03961, eq. 3, for k > 1), T at most."""
    return min(num_tokens, math.ceil(factor * num_tokens * top_k / num_experts))


def real_capacity(num_real: Tensor, top_k: int, num_experts: int, factor: float) -> Tensor:
    """Slots of an expert as in :func:`capacity`, for numbers of real tokens that the device knows, int64."""
    slots = (factor * num_real.to(torch.float64) * top_k / num_experts).ceil()
    return torch.minimum(slots, num_real.to(torch.float64)).to(torch.int64)


def within_capacity(
    expert_TK: Tensor, weight_TK: Tensor, num_sequences: int, num_experts: int, slots: int | Tensor, drop: Drop
) -> Tensor:
    """A mask of the slots that find room when each expert takes so many, (T, K) bool; empty ones take none.

    Slots queue by position in their sequence (all sequences' first tokens first, so that no token's fate depends
    on later positions), by choice (all first choices before any second, GShard, arXiv 2006.16668), or by gate.
    The permutation is turned by a sort: torch 2.13 compiles a scatter that a product reads into wrong zeros.
    """
    T, K = expert_TK.shape
    queue_N = torch.arange(T * K, device=expert_TK.device)
    if drop == "score":
        queue_N = weight_TK.reshape(-1).argsort(descending=True, stable=True)
    else:
        queue_BSK = queue_N.view(num_sequences, T // max(num_sequences, 1), K)
        axes = (1, 0, 2) if drop == "position" else (2, 1, 0)
        queue_N = queue_BSK.permute(axes).reshape(-1)
    last_TK = expert_TK.where(expert_TK != EMPTY, num_experts)  # empty slots come after all others
    expert_N, by_expert_N = last_TK.reshape(-1)[queue_N].sort(stable=True)
    load_E = count_load(expert_TK, num_experts)
    first_E = load_E.cumsum(0) - load_E
    rank_N = torch.arange(T * K, device=expert_N.device) - first_E[expert_N.clamp_max(num_experts - 1)]
    return (rank_N < slots)[queue_N[by_expert_N].argsort()].view(T, K)
