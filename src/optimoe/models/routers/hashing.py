"""Hash routing: a fixed table from token ids to experts; nothing is learned.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, V token ids.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from optimoe.arch.parts import MoE
from optimoe.core.errors import InputError, require
from optimoe.models.routers.base import Router, RouterConfig, all_kept
from optimoe.models.routing import Routing


@dataclass(frozen=True, kw_only=True)
class Hash(RouterConfig):
    """Hash routing: a fixed table from token ids to experts (:class:`HashRouter`).

    Attributes:
        table: ``balanced`` by token frequencies, or the token id ``modulo`` E.
        token_counts: How often each token id occurs, for the balanced table; left out, all alike.

    Raises:
        ConfigError: A count is negative, or counts are given for a table that does not read them.
        UnknownNameError: An option is none of its words.
    """

    kind: ClassVar[str] = "hash"
    balanced_by_routing: ClassVar[bool] = True
    table: Literal["balanced", "modulo"] = "balanced"
    token_counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        least = min(self.token_counts, default=0)
        require(least >= 0, "token_counts", "zero or more each", least)
        read = self.table == "balanced" or not self.token_counts
        require(read, "token_counts", "left out of a modulo table", f"{len(self.token_counts)} numbers")

    @property
    def causal_training(self) -> bool:
        """True: a token's experts depend on its id alone."""
        return True

    @property
    def causal(self) -> bool:
        """True: a token's experts depend on its id alone."""
        return True

    @property
    def gates_sum_to_scale(self) -> bool:
        """True: each of the k gates is scale/k."""
        return True

    def build(self, part: MoE, d_model: int, vocab_size: int) -> "HashRouter":
        """The router of one layer.

        Raises:
            ConfigError: There are counts, and not one for each token id.
        """
        return HashRouter(part, vocab_size, self)

    def extra_params(self, part: MoE, d_model: int) -> int:
        """Minus D·E and the bias: it has no parameters at all."""
        return -(d_model + part.router_bias) * part.num_experts


class HashRouter(Router):
    """A router by token id, with gates 1/k and no parameters (Roller et al. 2021, arXiv 2106.04426).

    With k > 1 the further experts are the table's plus multiples of ⌊E/k⌋ (mod E): distinct, and as balanced.

    Attributes:
        table_VK: Experts of each token id.

    Args:
        part: The feed-forward that it routes for.
        vocab_size: V.
        config: Which table.
    """

    config: Hash
    table_VK: Tensor

    def __init__(self, part: MoE, vocab_size: int, config: Hash) -> None:
        super().__init__(part, config)
        counts = config.token_counts or (1,) * vocab_size
        require(len(counts) == vocab_size, "token_counts", f"{vocab_size} numbers", len(counts))
        self.register_buffer("table_VK", torch.empty(vocab_size, part.top_k, dtype=torch.int64))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the table, from the configuration alone."""
        (V, K), E = self.table_VK.shape, self.num_experts
        if self.config.table == "modulo":
            table_V = torch.arange(V)
        else:
            table_V = torch.tensor(balanced_table(self.config.token_counts or (1,) * V, E))
        offset_K = torch.arange(K, device=table_V.device) * (E // K)
        self.table_VK.copy_((table_V[:, None] + offset_K) % E)

    def forward(self, x_BSD: Tensor, ids_BS: Tensor | None = None) -> Routing:
        """The experts that the table states for each token id.

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
        return f"{super().extra_repr()}, table={self.config.table!r}"


def balanced_table(counts: Sequence[int], num_experts: int) -> list[int]:
    """A table from token ids to experts: by falling frequency, each id to the expert with the least load so far.

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
