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
from optimoe.models.routers.base import Evaluation, LearnedRouter, LearnedRouterConfig, capacity
from optimoe.models.routing import EMPTY, Routing, take
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

    One number, the most experts that any token has, is read back from the device in each call.
    """

    config: ExpertChoice

    def forward(self, x_BSD: Tensor, ids_BS: Tensor | None = None) -> Routing:
        """The experts' choices, or the tokens' at token-choice evaluation."""
        logits_TE = self.logits(x_BSD.flatten(0, 1))
        score_TE = logits_TE.softmax(dim=1)
        if self.as_trained:
            expert_TK = self._slots(self._taken(score_TE.detach(), x_BSD.shape[0]))
        else:
            expert_TK = score_TE.topk(self.top_k, dim=1).indices
        kept_TK = expert_TK != EMPTY
        weight_TK = take(score_TE, expert_TK.clamp_min(0)) * self.config.scale * kept_TK
        return Routing(
            expert_TK=expert_TK, weight_TK=weight_TK, score_TE=score_TE, logits_TE=logits_TE, kept_TK=kept_TK
        )

    def _taken(self, score_TE: Tensor, num_sequences: int) -> Tensor:
        """Which tokens each expert takes, (T, E) bool."""
        num_positions = len(score_TE) // max(num_sequences, 1)
        score_BSE = score_TE.view(num_sequences, num_positions, self.num_experts)
        group = self.config.choice_group
        score_GNE = score_BSE.transpose(0, 1) if group == "position" else score_BSE
        score_GNE = score_BSE.flatten(0, 1)[None] if group == "batch" else score_GNE
        count = capacity(score_GNE.shape[1], self.top_k, self.num_experts, self.config.capacity_factor)
        index_GcE = score_GNE.topk(count, dim=1).indices
        taken_GNE = torch.zeros_like(score_GNE, dtype=torch.bool).scatter(1, index_GcE, True)
        if group == "position":
            taken_GNE = taken_GNE.transpose(0, 1)
        return taken_GNE.reshape(score_TE.shape)

    def _slots(self, taken_TE: Tensor) -> Tensor:
        """Each token's experts in as many slots as the most popular token needs, the rest empty."""
        if has_no_data(taken_TE):  # as many as a token has on average
            num_slots = min(math.ceil(self.config.capacity_factor * self.top_k), self.num_experts)
        else:
            num_slots = max(1, int(taken_TE.sum(dim=1).max())) if len(taken_TE) else 1
        expert_TK = taken_TE.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :num_slots]
        return expert_TK.where(taken_TE.gather(1, expert_TK), EMPTY)
