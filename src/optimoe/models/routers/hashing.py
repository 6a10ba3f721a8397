"""Hash routing: a fixed table from token ids to experts; nothing is learned.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, V token ids.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from optimoe.arch.parts import MoE
from optimoe.core.errors import InputError, require
from optimoe.models.routers.base import INIT_STD, ChoosingRouter, RouterConfig, Seen


@dataclass(frozen=True, kw_only=True)
class Hash(RouterConfig):
    """Hash routing: a fixed table from token ids to experts (:class:`HashRouter`).

    Attributes:
        table: ``balanced`` by token frequencies, or the token id ``modulo`` E (for k = 1).
        token_counts: How often each token id occurs, for the balanced table; left out, all alike.
        seed: Of the balanced tables; each layer draws its own from it.

    Raises:
        ConfigError: A count is negative, or counts are given for a table that does not read them.
        UnknownNameError: An option is none of its words.
    """

    kind: ClassVar[str] = "hash"
    balanced_by_routing: ClassVar[bool] = True
    table: Literal["balanced", "modulo"] = "balanced"
    token_counts: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        least = min(self.token_counts, default=0)
        require(least >= 0, "token_counts", "zero or more each", least)
        read = self.table == "balanced" or not self.token_counts
        require(self.seed >= 0, "seed", "zero or more", self.seed)
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
    def decides_alone(self) -> bool:
        """True: a token's experts depend on its id alone."""
        return True

    def sums_gates(self, top_k: int) -> bool:
        """True: each of the k gates is scale/k."""
        return True

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "HashRouter":
        """The router of one layer.

        Raises:
            ConfigError: There are counts, and not one for each token id; or k > 1 experts of a modulo table.
        """
        return HashRouter(part, vocab_size, self, layer)

    def extra_params(self, part: MoE, d_model: int) -> int:
        """Minus D·E and the bias: it has no parameters at all."""
        return -(d_model + part.router_bias) * part.num_experts


class HashRouter(ChoosingRouter):
    """A router by token id, with gates 1/k and no parameters (Roller et al. 2021, arXiv 2106.04426).

    Each of the k slots has a balanced table of its own, as MultiHash has several hash functions, so that any k
    experts may meet in a token; those of one token are distinct. Tables differ from layer to layer.

    Attributes:
        table_VK: Experts of each token id.

    Args:
        part: The feed-forward that it routes for.
        vocab_size: V.
        config: Which table.
        layer: The layer's number.
    """

    config: Hash
    table_VK: Tensor

    def __init__(self, part: MoE, vocab_size: int, config: Hash, layer: int = 0) -> None:
        super().__init__(part, config)
        self.layer = layer
        one = config.table == "balanced" or part.top_k == 1
        require(one, "table", "balanced where top_k is above 1", config.table)
        counts = config.token_counts or (1,) * vocab_size
        require(len(counts) == vocab_size, "token_counts", f"{vocab_size} numbers", len(counts))
        self.register_buffer("table_VK", torch.empty(vocab_size, part.top_k, dtype=torch.int64))
        self.reset_parameters()

    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Make the table, from the configuration and the layer's number alone."""
        (V, K), E = self.table_VK.shape, self.num_experts
        if self.config.table == "modulo":
            table_VK = np.arange(V)[:, None] % E
        else:
            random = np.random.default_rng((self.config.seed, self.layer))
            counts = self.config.token_counts
            table_VK = balanced_tables(counts, E, K, random) if counts else even_tables(V, E, K, random)
        self.table_VK.copy_(torch.from_numpy(table_VK))

    def score(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of zero: a table has none."""
        dtype = torch.promote_types(x_TD.dtype, torch.float32)
        logits_TE = x_TD.new_zeros(x_TD.shape[0], self.num_experts, dtype=dtype)
        return logits_TE, logits_TE

    def choose(self, seen: Seen) -> Tensor:
        """The experts that the table states for each token id.

        Raises:
            InputError: No token ids.
        """
        if seen.ids_T is None:
            raise InputError("ids: hash routing needs the token ids")
        ids_T = seen.ids_T if seen.valid_T is None else seen.ids_T.masked_fill(~seen.valid_T, 0)
        return self.table_VK[ids_T]

    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """One over k for each of the chosen."""
        return torch.full_like(expert_TK, 1 / expert_TK.shape[1], dtype=seen.logits_TE.dtype)

    def probability(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """One over k for the chosen experts, 0 for all others."""
        return seen.logits_TE.scatter(1, expert_TK.clamp_min(0), 1 / expert_TK.shape[1])

    def extra_repr(self) -> str:
        """The shape, for ``print(module)``."""
        return f"{super().extra_repr()}, table={self.config.table!r}"


def even_tables(num_tokens: int, num_experts: int, top_k: int, random: np.random.Generator) -> np.ndarray:
    """Distinct experts of token ids that are all as frequent, (V, K) int64, every slot's loads equal within one.

    E token ids at a time share a random order π of the experts: the i-th has π[(i + o_k) mod E] in slot k, with
    distinct random offsets o_k, so that each slot gives every expert to one of them. Any set of experts may come.
    """
    V, E = num_tokens, num_experts
    blocks = -(-V // E)
    order_NE = random.permuted(np.tile(np.arange(E), (blocks, 1)), axis=1)
    offset_NK = random.permuted(np.tile(np.arange(E), (blocks, 1)), axis=1)[:, :top_k]
    place_NEK = (np.arange(E)[:, None] + offset_NK[:, None]) % E
    table_RK = np.take_along_axis(order_NE[:, :, None], place_NEK, axis=1).reshape(-1, top_k)
    return table_RK[:V][random.permutation(V)]


def balanced_tables(
    counts: Sequence[int], num_experts: int, top_k: int, random: np.random.Generator
) -> np.ndarray:
    """Distinct experts of token ids by frequency, (V, K) int64: every slot balances its own loads.

    By falling frequency each id takes the expert with the least load of the slot so far, among those that it does
    not have yet. Frequencies within a factor of 2 come in random order, another in each slot: in one order, slots
    would go round the experts in step and the same ones would meet again and again. Takes V·K steps of a heap.
    """
    V, E = len(counts), num_experts
    octave_V = np.frexp(np.asarray(counts, dtype=np.float64))[1]
    table_VK = np.empty((V, top_k), dtype=np.int64)
    taken: list[set[int]] = [set() for _ in range(V)]
    for slot in range(top_k):
        order_V = np.lexsort((random.random(V), -octave_V))
        tie_VE = iter(random.random(V + E).tolist())
        loads = [(0, next(tie_VE), expert) for expert in range(E)]
        heapq.heapify(loads)
        for token in order_V.tolist():
            passed = []
            while loads[0][2] in taken[token]:
                passed.append(heapq.heappop(loads))
            load, _, expert = loads[0]
            heapq.heapreplace(loads, (load + counts[token], next(tie_VE), expert))
            for entry in passed:
                heapq.heappush(loads, entry)
            table_VK[token, slot] = expert
            taken[token].add(expert)
    return table_VK
