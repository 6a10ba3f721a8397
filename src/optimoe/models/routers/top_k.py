"""Token choice: each token takes the k experts that score best.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, G groups.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, require, require_nonnegative, require_positive
from optimoe.models.routers.base import (
    INIT_STD,
    LearnedRouter,
    LearnedRouterConfig,
    Seen,
    all_kept,
    linear,
)
from optimoe.models.routers.capacity import DROPLESS, Drop, capacity, real_capacity, within_capacity
from optimoe.models.routing import Routing, log_softmax, take
from optimoe.models.steady import SteadyBuffers


@dataclass(frozen=True, kw_only=True)
class TopK(LearnedRouterConfig):
    """Token choice: each token takes the k experts that score best (:class:`TopKRouter`).

    Attributes:
        score: Softmax over all experts before the choice, softmax over the chosen ones after it, or sigmoids.
        normalised: Whether the k gates are divided by their sum; left out, where k > 1. With k = 1 they would all
            be 1 and no gradient of the language model would reach the router, which is refused.
        gates_of_one: Whether such gates are accepted all the same, as upcycled and converted models may have them;
            the router then learns from added losses only.
        noise: Whether training adds Gaussian noise of learned scale softplus(x W_noise) to the logits.
        capacity_factor: Slots per expert ÷ even share, while training;
            :data:`~optimoe.models.routers.capacity.DROPLESS` keeps all.
        eval_capacity_factor: The same at evaluation.
        drop: Whom a full expert turns away: later positions (whatever the choice), later choices, low gates.
        num_groups: Groups of equal size that the experts are divided into; 1 is none.
        top_groups: Groups whose experts a token may choose from, the best ones.
        group_score: A group's score: its best expert (DeepSeek V2) or its best two (V3).
        balanced_by_bias: Whether a bias on the scores, moved against the load, balances the choice.
        null_experts: N experts beside the E of the layer that compute nothing (MoE++, arXiv 2410.07348;
            LongCat-Flash, arXiv 2509.01322, whose return their input). A token chooses k·(E + N)/E of all, so that
            k compute on average where all are chosen alike: balance decides what a token costs.

    Raises:
        ConfigError: A number is out of limits, or two choices exclude each other.
        UnknownNameError: An option is none of its words.
    """

    kind: ClassVar[str] = "top_k"
    causal_remedy: ClassVar[str] = 'drop="position"'
    alone_remedy: ClassVar[str] = "eval_capacity_factor=DROPLESS (and no evaluation as trained with a capacity)"
    score: Literal["softmax", "softmax_after", "sigmoid"] = "softmax"
    normalised: bool | None = None
    gates_of_one: bool = False
    noise: bool = False
    capacity_factor: float = DROPLESS
    eval_capacity_factor: float = DROPLESS
    drop: Drop = "position"
    num_groups: int = 1
    top_groups: int = 1
    group_score: Literal["best", "best_two"] = "best_two"
    balanced_by_bias: bool = False
    null_experts: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "capacity_factor", "eval_capacity_factor", "num_groups", "top_groups")
        require_nonnegative(self, "null_experts")
        alone = self.null_experts == 0 or self.num_groups == 1
        require(alone, "null_experts", "0 where experts have groups", self.null_experts)
        require(self.top_groups <= self.num_groups, "top_groups", f"at most {self.num_groups}", self.top_groups)
        after = self.score != "softmax_after" or self.normalised is not False
        require(after, "normalised", "true with softmax_after, whose gates sum to 1", self.normalised)

    @property
    def causal_training(self) -> bool:
        """True when nobody is dropped, or who comes later."""
        return self.drop == "position" or self.capacity_factor == DROPLESS

    @property
    def causal(self) -> bool:
        """True when nobody is dropped at evaluation, or who comes later."""
        if self.evaluates_as_trained:
            return self.causal_training
        return self.drop == "position" or self.eval_capacity_factor == DROPLESS

    @property
    def decides_alone(self) -> bool:
        """True without a capacity: an expert that is full turns away tokens for the sake of others."""
        factor = self.capacity_factor if self.evaluates_as_trained else self.eval_capacity_factor
        return factor == DROPLESS

    def sums_gates(self, top_k: int) -> bool:
        """True where the gates are divided by their sum, and none is of an expert that computes nothing."""
        return self.null_experts == 0 and self.normalises(top_k)

    def normalises(self, num_chosen: int) -> bool:
        """Whether the gates of the chosen are divided by their sum: as stated, else where there are several."""
        if self.score == "softmax_after":
            return True
        return num_chosen > 1 if self.normalised is None else self.normalised

    def num_chosen(self, part: MoE) -> int:
        """K, the experts that a token chooses: k·(E + N)/E.

        Raises:
            ConfigError: It is not whole.
        """
        more, rest = divmod(part.top_k * self.null_experts, part.num_experts)
        limit = f"such that top_k · null_experts ÷ num_experts = {part.num_experts} is whole"
        require(rest == 0, "null_experts", limit, self.null_experts)
        return part.top_k + more

    def most_experts(self, part: MoE) -> int:
        """A token computes all that it chooses where none of them is null."""
        return min(self.num_chosen(part), part.num_experts)

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "TopKRouter":
        """The router of one layer.

        Raises:
            ConfigError: The groups do not divide the experts, or hold fewer than k; or every gate would be 1.
        """
        return TopKRouter(part, d_model, self)

    def extra_params(self, part: MoE, d_model: int) -> int:
        """D·(E + N) scales of the noise, where there is noise, and the rows (and biases) of N null experts."""
        rows = (d_model + part.router_bias) * self.null_experts
        return rows + self.noise * d_model * (part.num_experts + self.null_experts)


class TopKRouter(SteadyBuffers, LearnedRouter):
    """Token choice: the k best of s(x W^T + ε·softplus(x W_noise^T)), s softmax or sigmoids, ε normal in training.

    Sources: noise, Shazeer et al. 2017 (arXiv 1701.06538, eq. 4); capacity, Switch (arXiv 2101.03961, Sec. 2.2);
    groups, DeepSeek V2 and V3 (arXiv 2405.04434, Sec. 2.2.2; 2412.19437, Sec. 2.1.2); bias on the choice but not
    on the gates, V3, eq. 16. Gates are w = s gathered at the chosen, divided by their sum where ``normalised``,
    times ``scale``; a softmax over the chosen alone equals the normalised softmax over all.

    Attributes:
        num_computing: E without the experts that compute nothing, which are the last ones.
        noise_weight: (E, D), or none.
        balance_bias_E: Added to the scores for the choice; moved by :mod:`optimoe.models.losses.biases`.
    """

    config: TopK
    steady = ("balance_bias_E",)
    balance_bias_E: Tensor

    def __init__(self, part: MoE, d_model: int, config: TopK) -> None:
        groups = part.num_experts % config.num_groups == 0
        require(groups, "num_groups", f"a divisor of num_experts = {part.num_experts}", config.num_groups)
        reachable = part.num_experts // config.num_groups * config.top_groups
        require(part.top_k <= reachable, "top_k", f"at most {reachable}, the experts of top_groups", part.top_k)
        self.num_computing = part.num_experts
        num_all = part.num_experts + config.null_experts
        part = replace(part, num_experts=num_all, top_k=config.num_chosen(part))
        if part.top_k == 1 < part.num_experts and config.normalises(1) and not config.gates_of_one:
            raise ConfigError(
                "normalised: must be left out, or false, at top_k = 1 (and score not softmax_after): every gate "
                "would be 1 and the router would get no gradient of the language model; gates_of_one=True accepts "
                "that, as for an upcycled model"
            )
        super().__init__(part, d_model, config)
        self.normalised = config.normalises(part.top_k)

    def add_parameters(self, d_model: int) -> None:
        """Make rows that scale the noise, and the bias that balances, where the configuration has them."""
        if self.config.noise:
            self.noise_weight = nn.Parameter(torch.empty(self.num_experts, d_model))
        if self.config.balanced_by_bias:
            self.register_buffer("balance_bias_E", torch.empty(self.num_experts))

    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Draw normal rows; the balancing bias starts at zero, noise at softplus(0) = ln 2."""
        super().reset_parameters(std)
        if self.config.noise:
            nn.init.zeros_(self.noise_weight)
        if self.config.balanced_by_bias:
            nn.init.zeros_(self.balance_bias_E)

    def score(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, with noise in training, and log-scores."""
        logits_TE = self.logits(x_TD)
        if self.config.noise and self.as_trained:
            std_TE = nn.functional.softplus(linear(x_TD, self.noise_weight))
            logits_TE = logits_TE + torch.randn_like(logits_TE) * std_TE
        return logits_TE, self.log_score(logits_TE)

    def log_score(self, logits_TE: Tensor) -> Tensor:
        """Log of the scores that are chosen and gated by: sigmoids, or a softmax over all experts."""
        sigmoid = self.config.score == "sigmoid"
        return nn.functional.logsigmoid(logits_TE) if sigmoid else log_softmax(logits_TE)

    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """Scores of the chosen, divided by their sum where the configuration says so."""
        log_weight_TK = take(seen.log_score_TE, expert_TK)
        return (log_softmax(log_weight_TK) if self.normalised else log_weight_TK).exp()

    def probability(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """Softmax probabilities, or sigmoids divided by their sum."""
        return seen.log_score_TE.softmax(1) if self.config.score == "sigmoid" else seen.log_score_TE.exp()

    @torch.no_grad()
    def choose(self, seen: Seen) -> Tensor:
        """The k best, among the best groups and with the balancing bias where there are any."""
        log_score_TE = seen.log_score_TE.detach()
        if self.config.num_groups == 1 and not self.config.balanced_by_bias:
            return log_score_TE.topk(self.top_k, dim=1).indices
        score_TE = log_score_TE.exp()
        if self.config.balanced_by_bias:
            score_TE = score_TE + self.balance_bias_E
        if self.config.num_groups > 1:
            score_TE = self._best_groups(score_TE)
        return score_TE.topk(self.top_k, dim=1).indices

    def _best_groups(self, score_TE: Tensor) -> Tensor:
        """The scores, with those outside the best groups at −∞."""
        G = self.config.num_groups
        score_TGe = score_TE.view(score_TE.shape[0], G, self.num_experts // G)
        best = min(2, score_TGe.shape[2]) if self.config.group_score == "best_two" else 1
        group_TG = score_TGe.topk(best, dim=2).values.sum(dim=2)
        index_Tg = group_TG.topk(self.config.top_groups, dim=1).indices
        groups_G = torch.arange(self.config.num_groups, device=group_TG.device)
        allowed_TG = (index_Tg[..., None] == groups_G).any(dim=1)
        return score_TGe.masked_fill(~allowed_TG[..., None], -math.inf).flatten(1)

    def keep(self, seen: Seen, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
        """Choices that are within their experts' capacity, of which padding takes nothing."""
        factor = self.config.capacity_factor if self.as_trained else self.config.eval_capacity_factor
        if factor == DROPLESS:
            return all_kept(expert_TK)
        k, E = self.top_k, self.num_experts
        slots: int | Tensor = capacity(expert_TK.shape[0], k, E, factor)
        if seen.valid_T is not None:
            slots = real_capacity(seen.valid_T.sum(), k, E, factor)
        kept_TK = within_capacity(expert_TK, weight_TK, seen.num_sequences, E, slots, self.config.drop)
        return kept_TK | (expert_TK >= self.num_computing)  # what computes nothing has room for all

    def decide(self, seen: Seen, expert_TK: Tensor, weight_TK: Tensor, kept_TK: Tensor) -> Routing:
        """The decision, which says how many experts compute nothing."""
        return replace(super().decide(seen, expert_TK, weight_TK, kept_TK), nulls=self.config.null_experts)
