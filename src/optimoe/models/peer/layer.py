"""PEER: a feed-forward of up to a million single-neuron experts, retrieved by product keys.

Legend: T tokens, H heads, K experts that a head retrieves, n sub-keys of a half, N = n² experts, D model width,
C width of a query, P pairs of sub-keys that can be among the best K.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from optimoe.arch.parts import PEER
from optimoe.core.errors import require, require_choice
from optimoe.models.dense.linear import Linear
from optimoe.models.experts.activations import require_gated
from optimoe.models.peer.pool import pool_experts
from optimoe.models.routers.base import linear
from optimoe.models.routing import EMPTY, count_load, register_decision
from optimoe.models.steady import SteadyBuffers
from optimoe.models.surroundings import without_autocast

QueryNorm = Literal["layernorm", "batchnorm", "none"]
Gates = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, kw_only=True)
class PEERStats:
    """What a PEER layer retrieved; summaries are computed when asked for.

    Attributes:
        expert_THK: Experts of each token and head; −1 where the token is padding.
        gate_THK: Their gates, without gradient; 0 where the token is padding.
        num_experts: Size of the pool.
    """

    expert_THK: Tensor
    gate_THK: Tensor
    num_experts: int

    def load_N(self) -> Tensor:
        """Share of all gates that each expert received; sums to 1."""
        zeros_N = self.gate_THK.new_zeros(self.num_experts)
        load_N = zeros_N.index_add(0, self.expert_THK.reshape(-1).clamp_min(0), self.gate_THK.reshape(-1))
        return load_N / load_N.sum().clamp_min(torch.finfo(load_N.dtype).tiny)

    def used_fraction(self) -> Tensor:
        """Share of the pool that any token retrieved: the memory usage of He 2024 (arXiv 2407.04153)."""
        return (count_load(self.expert_THK, self.num_experts) > 0).to(torch.float32).mean()

    def unevenness(self) -> Tensor:
        """Kullback-Leibler divergence of the load from the uniform one, in nats: ln N + Σ p ln p."""
        load_N = self.load_N()
        return torch.xlogy(load_N, load_N * self.num_experts).sum()


register_decision(PEERStats, "num_experts")


class PEERLayer(nn.Module):
    """y = Σ_h Σ_{i ∈ top-K of head h} g_{h,i}·σ(x·u_i)·v_i over a pool that all heads share.

    A head's query q = norm(x W) is split in halves; expert (i, j) scores q₁·c_i + q₂·c'_j, and the best K of all
    n² are found exactly from the best K of each half. All K contribute; gates are a softmax over them, or
    sigmoids. Each head has keys of its own. Source: He 2024, arXiv 2407.04153, Algorithm 1.

    The batch norm of queries is the paper's; in training it lets a token see statistics of later ones. The layer
    norm, over each head's query, has as many parameters and sees one token only.

    Attributes:
        query: (D, H·C) projection.
        keys: (H, 2, n, C/2), sub-keys.
        first_P, second_P: Ranks of the pairs that can be among the best K; derived, not saved.
        down: (N, D), the rows u.
        up: (N, D), the rows v.

    Args:
        d_model: D.
        num_keys: n.
        num_heads: H.
        top_k: K.
        d_key: C, even.
        query_norm: Norm of the queries.
        activation: Name of σ (:func:`optimoe.models.experts.activations.find_activation`).
        gates: Softmax over a head's experts, or sigmoids that do not compete.

    Raises:
        ConfigError: A count is not positive, ``top_k`` exceeds n, ``d_key`` is odd, or every gate would be 1.
        UnknownNameError: No such norm, gates or activation; the text names the nearest.
    """

    first_P: Tensor
    second_P: Tensor

    def __init__(
        self,
        d_model: int,
        *,
        num_keys: int,
        num_heads: int,
        top_k: int,
        d_key: int,
        query_norm: QueryNorm = "layernorm",
        activation: str = "gelu",
        gates: Gates = "softmax",
    ) -> None:
        super().__init__()
        PEER(num_keys=num_keys, num_heads=num_heads, top_k=top_k, d_key=d_key)  # checks them
        require(d_model > 0, "d_model", "positive", d_model)
        require_choice(query_norm, "query_norm", QueryNorm)
        require_choice(gates, "gates", Gates)
        require_gated(activation, False)
        # A softmax over one expert is 1: keys and queries would get no gradient.
        learns = top_k > 1 or num_keys == 1 or gates == "sigmoid"
        require(learns, "top_k", 'at least 2 with gates="softmax", or gates="sigmoid"', top_k)
        self.num_keys, self.num_heads, self.top_k, self.d_key = num_keys, num_heads, top_k, d_key
        self.num_experts, self.activation, self.gates = num_keys**2, activation, gates
        self.query = Linear(d_model, num_heads * d_key, bias=False)
        self.norm = _make_norm(query_norm, num_heads, d_key)
        self.keys = nn.Parameter(torch.empty(num_heads, 2, num_keys, d_key // 2))
        self.down = nn.Parameter(torch.empty(self.num_experts, d_model))
        self.up = nn.Parameter(torch.empty(self.num_experts, d_model))
        first_P, second_P = _pairs(top_k)
        self.register_buffer("first_P", first_P, persistent=False)
        self.register_buffer("second_P", second_P, persistent=False)
        self.reset_parameters()

    @classmethod
    def from_part(cls, part: PEER, d_model: int, *, batch_norm: bool = False) -> "PEERLayer":
        """The layer that an architecture describes."""
        norm: QueryNorm = "none" if not part.query_norm else "batchnorm" if batch_norm else "layernorm"
        counts = {name: getattr(part, name) for name in ("num_keys", "num_heads", "top_k", "d_key")}
        return cls(d_model, query_norm=norm, **counts)

    def reset_parameters(self) -> None:
        """Draw normal weights: scores of variance near 1, an output of variance near that of the input.

        In a decoder the tables are drawn anew, so that the output is as large as those of its other feed-forwards
        (:func:`optimoe.models.initial.initialise`). The keys stay: they meet queries of a norm of their own, not
        the residual stream, and their spread is the temperature of the gates, a part of the method.
        """
        for buffer, ranks_P in zip((self.first_P, self.second_P), _pairs(self.top_k), strict=True):
            buffer.copy_(ranks_P)
        if isinstance(self.norm, _HeadNorm | nn.BatchNorm1d):
            self.norm.reset_parameters()
        nn.init.normal_(self.keys, std=(self.d_key / 2) ** -0.5)
        nn.init.normal_(self.down, std=self.down.shape[1] ** -0.5)
        nn.init.normal_(self.up, std=(self.top_k / self.num_heads) ** 0.5)

    def forward(self, x_TD: Tensor, valid_T: Tensor | None = None) -> tuple[Tensor, PEERStats]:
        """The weighted sum of each token's experts, and what was retrieved; padding retrieves nothing.

        Args:
            x_TD: Tokens.
            valid_T: Which are real; left out, all.
        """
        T, J = x_TD.shape[0], self.num_heads * self.top_k
        score_THK, expert_THK = self.retrieve_by_product_keys(x_TD, valid_T)
        gate_THK, seen_THK = self._gates(score_THK), expert_THK
        if valid_T is not None:
            gate_THK = gate_THK.masked_fill(~valid_T[:, None, None], 0)
            seen_THK = expert_THK.where(valid_T[:, None, None], EMPTY)
        tables = (self.down, self.up)
        x_TD, gate_TJ = x_TD.to(self.down.dtype), gate_THK.reshape(T, J).to(self.down.dtype)
        y_TD = pool_experts(x_TD, expert_THK.reshape(T, J), gate_TJ, *tables, self.activation)
        stats = PEERStats(expert_THK=seen_THK, gate_THK=gate_THK.detach(), num_experts=self.num_experts)
        return y_TD, stats

    def retrieve_by_product_keys(self, x_TD: Tensor, valid_T: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Product-key retrieval: scores and experts of each head, best first, (T, H, K) both.

        A pair of the i-th best and the j-th best sub-key has i·j − 1 others at least as good: only the P pairs
        with i·j ≤ K need a look, 50 of 256 at K = 16. All of it computes in float32 or wider.
        """
        with without_autocast(x_TD):
            query_TC = linear(x_TD, self.query.weight)
            if valid_T is not None and isinstance(self.norm, nn.BatchNorm1d):
                real = valid_T.nonzero(as_tuple=True)  # padding is no part of a batch's mean
                query_TC = torch.zeros_like(query_TC).index_put(real, self.norm(query_TC[real]))
            else:
                query_TC = self.norm(query_TC)
            half_HXTc = query_TC.view(-1, self.num_heads, 2, self.d_key // 2).permute(1, 2, 0, 3)
            score_HTK, expert_HTK = self._search(half_HXTc, self.keys.to(query_TC.dtype))
        return score_HTK.transpose(0, 1), expert_HTK.transpose(0, 1)

    def gate_power(self, spread: float) -> float:
        """What a head's gates make of independent outputs of variance 1 at step 0: the mean over tokens of Σ_k g².

        Measured on 512 random queries, of variance 1 where they pass a norm.

        Args:
            spread: Standard deviation of the queries where they do not.
        """
        c = self.d_key // 2
        with torch.no_grad():
            random = torch.Generator("cpu").manual_seed(0)
            half_HXTc = torch.randn(1, 2, 512, c, generator=random, device="cpu", dtype=torch.float32)
            keys = torch.randn(1, 2, self.num_keys, c, generator=random, device="cpu", dtype=torch.float32)
            query_std = spread if isinstance(self.norm, nn.Identity) else 1.0
            score_HTK, _ = self._search(half_HXTc * query_std, keys * c**-0.5)
        return float(self._gates(score_HTK).square().sum(dim=-1).mean())

    def _gates(self, score_THK: Tensor) -> Tensor:
        return score_THK.softmax(-1) if self.gates == "softmax" else score_THK.sigmoid()

    def _search(self, half_HXTc: Tensor, keys_HXnc: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and experts, (H, T, K) both, for the halves of queries and the sub-keys of as many heads."""
        n, K = self.num_keys, self.top_k
        best_HXTK, index_HXTK = (half_HXTc @ keys_HXnc.mT).topk(K, dim=-1)
        first_P, second_P = self.first_P.to(keys_HXnc.device), self.second_P.to(keys_HXnc.device)
        sum_HTP = best_HXTK[:, 0].index_select(-1, first_P) + best_HXTK[:, 1].index_select(-1, second_P)
        score_HTK, pair_HTK = sum_HTP.topk(K, dim=-1)
        row_HTK = index_HXTK[:, 0].gather(-1, first_P[pair_HTK])
        column_HTK = index_HXTK[:, 1].gather(-1, second_P[pair_HTK])
        return score_HTK, row_HTK * n + column_HTK


def _pairs(top_k: int) -> tuple[Tensor, Tensor]:
    """Ranks i, j from 0 with (i + 1)(j + 1) ≤ K."""
    pairs = [(i, j) for i in range(top_k) for j in range(top_k // (i + 1))]
    return torch.tensor([i for i, _ in pairs]), torch.tensor([j for _, j in pairs])


class _HeadNorm(nn.Module):
    """Layer norm over each head's query, with weights and biases per head and channel."""

    def __init__(self, num_heads: int, d_key: int) -> None:
        super().__init__()
        self.shape = (num_heads, d_key)
        self.weight = nn.Parameter(torch.empty(num_heads * d_key))
        self.bias = nn.Parameter(torch.empty(num_heads * d_key))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, q_TC: Tensor) -> Tensor:
        normed = torch.nn.functional.layer_norm(q_TC.view(-1, *self.shape), self.shape[1:])
        weight, bias = self.weight.to(q_TC.dtype), self.bias.to(q_TC.dtype)
        return torch.addcmul(bias, normed.view_as(q_TC), weight)


class _BatchNorm(SteadyBuffers, nn.BatchNorm1d):
    """Batch norm that computes in float32 or wider: its running statistics move by small steps."""

    steady = ("running_mean", "running_var")

    def forward(self, q_TC: Tensor) -> Tensor:
        dtype = torch.promote_types(q_TC.dtype, torch.float32)
        weight, bias = (None if p is None else p.to(dtype) for p in (self.weight, self.bias))
        counts = self.training or self.running_mean is None
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        momentum = 0.0 if self.momentum is None else self.momentum
        normed = torch.nn.functional.batch_norm(
            q_TC.to(dtype), self.running_mean, self.running_var, weight, bias, counts, momentum, self.eps
        )
        return normed.to(q_TC.dtype)


def _make_norm(name: QueryNorm, num_heads: int, d_key: int) -> nn.Module:
    if name == "layernorm":
        return _HeadNorm(num_heads, d_key)
    return _BatchNorm(num_heads * d_key) if name == "batchnorm" else nn.Identity()
