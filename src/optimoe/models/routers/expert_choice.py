"""Expert choice: each expert takes the tokens that score best, which lets later tokens decide on earlier ones.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, G groups of N
tokens, c tokens per expert.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from optimoe.arch.parts import MoE
from optimoe.core.errors import require
from optimoe.models.routers.base import (
    Evaluation,
    LearnedRouter,
    LearnedRouterConfig,
    Seen,
)
from optimoe.models.routers.capacity import capacity, real_capacity
from optimoe.models.routing import EMPTY, take
from optimoe.models.surroundings import has_no_data


@dataclass(frozen=True, kw_only=True)
class ExpertChoice(LearnedRouterConfig):
    """Expert choice: each expert takes the tokens that score best (:class:`ExpertChoiceRouter`).

    Attributes:
        capacity_factor: Experts that a token has on average ÷ k.
        choice_group: Tokens among which an expert chooses: all, those of one sequence, or those at one position
            of all sequences (Krajewski 2024).

    Loads are equal by the choice; losses may still be added, as an importance loss evens out its gates.

    Raises:
        ConfigError: A number is out of limits.
        UnknownNameError: An option is none of its words.
    """

    kind: ClassVar[str] = "expert_choice"
    published: ClassVar[Evaluation] = "as_trained"
    capacity_factor: float = 1.0
    choice_group: Literal["batch", "sequence", "position"] = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        finite = 0 < self.capacity_factor < math.inf
        require(finite, "capacity_factor", "positive and finite", self.capacity_factor)

    @property
    def causal_training(self) -> bool:
        """False, but for choices among tokens of one position."""
        return self.choice_group == "position"

    def most_experts(self, part: MoE) -> int:
        """All: every expert may take the same token."""
        return part.num_experts

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "ExpertChoiceRouter":
        """The router of one layer."""
        return ExpertChoiceRouter(part, d_model, self)


class ExpertChoiceRouter(LearnedRouter):
    """Expert e takes the c tokens of its group with the largest softmax_E(x W^T)_e, gate that probability.

    Every expert computes exactly c = ⌈f·N·k/E⌉ tokens, f the capacity factor, and a token has any number of
    experts. Source: Zhou et al. 2022 (arXiv 2202.09368, Sec. 3.2).

    **It is not causal**: whether a token is among an expert's best depends on tokens after it, so a loss measured
    this way has seen the future, and sampling one token at a time cannot reproduce it. With
    ``choice_group="position"`` tokens compete only with those at their position in other sequences (Krajewski
    2024, arXiv 2402.07871, App. A), which leaks nothing but makes a token's experts depend on its batch. With
    ``evaluation="token_choice"`` each token takes its k most probable experts when the module is not training.

    One number, the most experts that any token has, is read back from the device in each call that is not
    compiled.
    """

    config: ExpertChoice

    @torch.no_grad()
    def choose(self, seen: Seen) -> Tensor:
        """The experts' choices, or the tokens' at token-choice evaluation."""
        score_TE = seen.log_score_TE.exp()
        if self.as_trained:
            return self._slots(self._taken(score_TE, seen))
        return score_TE.topk(self.top_k, dim=1).indices

    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """The probability of each chosen expert."""
        return take(seen.log_score_TE.exp(), expert_TK)

    def _taken(self, score_TE: Tensor, seen: Seen) -> Tensor:
        """Which tokens each expert takes, (T, E) bool; as many as the real tokens of a group allow."""
        factor, k, E = self.config.capacity_factor, self.top_k, self.num_experts
        if seen.valid_T is not None:
            score_TE = score_TE.masked_fill(~seen.valid_T[:, None], -1)  # below every probability
        score_GNE = self._grouped(score_TE, seen.num_sequences)
        count = capacity(score_GNE.shape[1], k, E, factor)
        index_GcE = score_GNE.topk(count, dim=1).indices
        room_GcE = torch.ones_like(index_GcE, dtype=torch.bool)
        if seen.valid_T is not None:
            real_GN = self._grouped(seen.valid_T[:, None], seen.num_sequences)[..., 0]
            room_G = real_capacity(real_GN.sum(dim=1), k, E, factor)
            rank_c = torch.arange(count, device=index_GcE.device)
            room_GcE = (rank_c[:, None] < room_G[:, None, None]).expand_as(index_GcE)
        taken_GNE = torch.zeros_like(score_GNE, dtype=torch.bool).scatter(1, index_GcE, room_GcE)
        if self.config.choice_group == "position":
            taken_GNE = taken_GNE.transpose(0, 1)
        return taken_GNE.reshape(score_TE.shape)

    def _grouped(self, value_TX: Tensor, num_sequences: int) -> Tensor:
        """Values by group of tokens that compete, (G, N, X)."""
        value_BSX = value_TX.view(num_sequences, len(value_TX) // max(num_sequences, 1), value_TX.shape[1])
        if self.config.choice_group == "batch":
            return value_TX[None]
        return value_BSX.transpose(0, 1) if self.config.choice_group == "position" else value_BSX

    def _slots(self, taken_TE: Tensor) -> Tensor:
        """Each token's experts in as many slots as the most popular token needs, the rest empty.

        A graph cannot know that number: in one that is compiled or exported a token has a slot for each expert.
        """
        if torch.compiler.is_compiling():
            num_slots = self.num_experts
        elif has_no_data(taken_TE):  # as many as a token has on average
            num_slots = min(math.ceil(self.config.capacity_factor * self.top_k), self.num_experts)
        else:
            num_slots = max(1, int(taken_TE.sum(dim=1).max())) if len(taken_TE) else 1
        expert_TK = taken_TE.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :num_slots]
        return expert_TK.where(taken_TE.gather(1, expert_TK), EMPTY)
