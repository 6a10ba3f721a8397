"""How the next token is chosen from logits, and when a row of tokens ends.

Legend: B rows, V vocabulary, W tokens of the vocabulary that may be chosen.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from optimoe.core.errors import require, require_positive, require_types

StopReason = Literal["stop_id", "stop_sequence", "max_new_tokens"]
"""Why a row ended: a token that stops, a sequence of tokens that does, or as many tokens as were asked for."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are chosen, and when they end.

    Logits are divided by the temperature; of their softmax the ``top_k`` most probable tokens are kept, and of
    these, made to sum to 1, the fewest that hold ``top_p``.

    Attributes:
        max_new_tokens: Tokens after which a row ends in any case.
        temperature: Of the softmax; 0 takes the most probable token.
        top_k: Tokens that may be chosen, the most probable ones; 0 is all.
        top_p: Probability that the tokens which may be chosen hold together (nucleus sampling, arXiv 1904.09751).
        seed: Of the random numbers; each row draws its own from it.
        stop_ids: Tokens that end a row.
        stop_sequences: Sequences of new tokens that end a row.

    Raises:
        ConfigError: A number is out of its limits, or a sequence is empty.
    """

    max_new_tokens: int = 128
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    stop_sequences: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "max_new_tokens")
        require(0 <= self.temperature < math.inf, "temperature", "zero or more, and finite", self.temperature)
        require(self.top_k >= 0, "top_k", "zero or more", self.top_k)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        require(self.seed >= 0, "seed", "zero or more", self.seed)
        require(all(self.stop_sequences), "stop_sequences", "of one token or more each", self.stop_sequences)

    def draws(self, row: int) -> list[float]:
        """Random numbers of one row, uniform from 0 to 1, max_new_tokens of them: they depend on no other row."""
        return np.random.default_rng((self.seed, row)).random(self.max_new_tokens).tolist()

    def stop_reason(self, new: list[int]) -> StopReason | None:
        """Why a row with these new tokens ends, or none where it goes on."""
        if new[-1] in self.stop_ids:
            return "stop_id"
        if any(tuple(new[-len(sequence) :]) == sequence for sequence in self.stop_sequences):
            return "stop_sequence"
        return "max_new_tokens" if len(new) == self.max_new_tokens else None


def choose(logits_BV: Tensor, sampling: Sampling, draw_B: Tensor) -> Tensor:
    """The next token of each row, (B,): the first at which probabilities sum to more than a random number.

    Args:
        logits_BV: Logits.
        sampling: How to choose.
        draw_B: Random numbers from 0 to 1.
    """
    if sampling.temperature == 0:
        return logits_BV.argmax(dim=1)
    share_BW, id_BW = probabilities(logits_BV, sampling)
    sum_BW = share_BW.cumsum(dim=1)
    whole_B1 = sum_BW[:, -1:]
    rank_B1 = torch.searchsorted(sum_BW, draw_B[:, None] * whole_B1, right=True)
    last_B1 = (sum_BW < whole_B1).sum(dim=1, keepdim=True)  # where a product was rounded up to the whole
    return id_BW.gather(1, torch.minimum(rank_B1, last_B1)).squeeze(1)


def probabilities(logits_BV: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Probabilities in float64 of the tokens that may be chosen, and which those are, (B, W) both.

    Args:
        logits_BV: Logits.
        sampling: How to choose, at a temperature above 0.
    """
    logits_BV = logits_BV.to(torch.float64)
    # The largest logit is taken off first: divided by a small temperature it would be infinite.
    share_BV = ((logits_BV - logits_BV.amax(dim=1, keepdim=True)) / sampling.temperature).softmax(dim=1)
    num_tokens = share_BV.shape[1]
    if sampling.top_k == 0 and sampling.top_p == 1:
        return share_BV, torch.arange(num_tokens, device=share_BV.device).expand_as(share_BV)
    share_BW, id_BW = share_BV.topk(min(sampling.top_k or num_tokens, num_tokens), dim=1)
    share_BW = share_BW / share_BW.sum(dim=1, keepdim=True)
    before_BW = share_BW.cumsum(dim=1) - share_BW
    share_BW = share_BW.masked_fill(before_BW >= sampling.top_p, 0)
    return share_BW / share_BW.sum(dim=1, keepdim=True), id_BW
