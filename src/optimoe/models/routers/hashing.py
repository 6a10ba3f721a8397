"""Hash routing: a fixed table from token ids to experts; nothing is learned.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, V token ids.
"""

import heapq
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from optimoe.arch.parts import MoE
from optimoe.core.errors import InputError, require
from optimoe.models.config import RouterConfig
from optimoe.models.routers.base import all_kept
from optimoe.models.routing import Routing


class HashRouter(nn.Module):
    """Expert by token id, gates 1/k (Roller et al. 2021, arXiv 2106.04426). It has no parameters.

    With k > 1 the further experts are the table's plus multiples of ⌊E/k⌋ (mod E): distinct, and as balanced.

    Attributes:
        table_VK: Experts of each token id.

    Args:
        part: The feed-forward that it routes for.
        vocab_size: V.
        config: Which table.
    """

    table_VK: Tensor
    causal = causal_training = True

    def __init__(self, part: MoE, vocab_size: int, config: RouterConfig) -> None:
        super().__init__()
        self.num_experts, self.top_k, self.config = part.num_experts, part.top_k, config
        counts = config.token_counts or (1,) * vocab_size
        require(len(counts) == vocab_size, "token_counts", f"{vocab_size} numbers", len(counts))
        self.register_buffer("table_VK", torch.empty(vocab_size, part.top_k, dtype=torch.int64))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the table, from the configuration alone."""
        (V, K), E = self.table_VK.shape, self.num_experts
        if self.config.hash_table == "modulo":
            table_V = torch.arange(V)
        else:
            table_V = torch.tensor(balanced_table(self.config.token_counts or (1,) * V, E))
        offset_K = torch.arange(K, device=table_V.device) * (E // K)
        self.table_VK.copy_((table_V[:, None] + offset_K) % E)

    def forward(self, x_BSD: Tensor, ids_BS: Tensor | None = None) -> Routing:
        """The table's experts.

        Raises:
            InputError: No token ids.
        """
        if ids_BS is None:
            raise InputError("ids: hash routing needs the token ids")
        expert_TK = self.table_VK[ids_BS.reshape(-1)]
        dtype = torch.promote_types(x_BSD.dtype, torch.float32)
        logits_TE = x_BSD.new_zeros(expert_TK.shape[0], self.num_experts, dtype=dtype)
        share = 1 / self.top_k
        return Routing(
            expert_TK=expert_TK,
            weight_TK=torch.full_like(expert_TK, share, dtype=dtype) * self.config.scale,
            score_TE=logits_TE.scatter(1, expert_TK, share),
            logits_TE=logits_TE,
            kept_TK=all_kept(expert_TK),
        )

    def extra_repr(self) -> str:
        """The shape, for ``print(module)``."""
        return f"hash, num_experts={self.num_experts}, top_k={self.top_k}, table={self.config.hash_table!r}"


def balanced_table(counts: Sequence[int], num_experts: int) -> list[int]:
    """Token ids to experts, each in turn of falling frequency to the expert with the least load so far.

    Equal counts are exactly balanced where E divides V; otherwise loads differ by one count at most, that of the
    token which came last to the busiest expert.
    """
    loads = [(0, 0, expert) for expert in range(num_experts)]
    table = [0] * len(counts)
    for token in sorted(range(len(counts)), key=lambda token: (-counts[token], token)):
        load, tokens, expert = loads[0]
        table[token] = expert
        heapq.heapreplace(loads, (load + counts[token], tokens + 1, expert))
    return table
