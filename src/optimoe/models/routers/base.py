"""What all routers share: their configuration, logits and gates.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, N = T·K slots.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from optimoe.arch.parts import MoE
from optimoe.core.errors import InputError, require, require_types
from optimoe.models.routing import EMPTY, Routing, log_softmax
from optimoe.models.surroundings import without_autocast

INIT_STD = 0.02
"""Standard deviation of new weights, unless a model states another (GPT-2's, and most models' since)."""

Evaluation = Literal["published", "token_choice", "as_trained"]


@dataclass(frozen=True, kw_only=True)
class RouterConfig(ABC):
    """What the configuration of every router has and answers: how tokens find their experts.

    A router is a frozen dataclass of this kind beside the module that it builds. One of another package is found
    by its ``kind`` where that package states it as an entry point of the group ``optimoe.routers``.

    Attributes:
        kind: The router's name in tables and messages.
        balanced_by_routing: Whether the choice balances by itself, so that no loss balances it.
        learned: Whether the router has logits, and rows of weights that can be added for new experts.
        causal_remedy: The setting that makes evaluation causal where it is not.
        alone_remedy: The setting by which evaluation decides on each token by itself where it does not.
        scale: Factor of the gates (``routed_scaling_factor``).

    Raises:
        ConfigError: A value is of another type, or out of limits.
        UnknownNameError: An option is none of its words.
    """

    kind: ClassVar[str]
    balanced_by_routing: ClassVar[bool] = False
    learned: ClassVar[bool] = False
    causal_remedy: ClassVar[str] = 'evaluation="token_choice"'
    alone_remedy: ClassVar[str] = 'evaluation="token_choice"'
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_types(self)
        require(0 < self.scale < math.inf, "scale", "positive and finite", self.scale)

    @property
    @abstractmethod
    def causal_training(self) -> bool:
        """Whether routing as in training gives a token the same experts whatever comes after it."""

    @property
    @abstractmethod
    def causal(self) -> bool:
        """Whether evaluation gives a token the same experts whatever comes after it."""

    @property
    def decides_alone(self) -> bool:
        """Whether evaluation decides on each token by itself, whatever stands beside it: a kind says so itself."""
        return False

    @property
    def losses(self) -> frozenset[str]:
        """The added losses that mean something for this router, by their names; others are 0 in its layers."""
        balancing = frozenset() if self.balanced_by_routing else frozenset({"balance", "importance"})
        return balancing | ({"z"} if self.learned else frozenset())

    @property
    def balanced_by_bias(self) -> bool:
        """Whether a bias on the scores, moved against the load after each step, balances the choice."""
        return False

    def sums_gates(self, top_k: int) -> bool:
        """Whether the k gates of a token sum to ``scale``, whatever the router's weights are."""
        return False

    def gate_power(self, part: MoE, d_model: int, std: float) -> float:
        """What the gates make of E independent outputs of variance 1 at step 0: the mean over tokens of Σ_k w_k².

        Gates of scale/k, as here, give scale²/k.

        Args:
            part: The feed-forward that it routes for.
            d_model: D.
            std: Standard deviation of the router's weights.
        """
        return self.scale**2 / part.top_k

    @abstractmethod
    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "Router":
        """The router of one layer.

        Args:
            part: The feed-forward that it routes for.
            d_model: D.
            vocab_size: Number of token ids, for tables of them.
            layer: The layer's number, for what should differ between layers.

        Raises:
            ConfigError: The configuration does not fit the layer's experts.
        """

    def most_experts(self, part: MoE) -> int:
        """Experts that a token computes at most; k of the architecture is their mean over tokens at even loads."""
        return part.top_k

    def extra_params(self, part: MoE, d_model: int) -> int:
        """Parameters beyond (or below) those that an architecture counts for a router, D·E and its bias."""
        return 0


@dataclass(frozen=True, kw_only=True)
class LearnedRouterConfig(RouterConfig):
    """The configuration of a router with logits, which may evaluate in another way than it trains.

    Attributes:
        published: How the method's authors evaluate it.
        evaluation: ``published`` is what the method's authors evaluate with; ``token_choice`` gives each token
            its top k; ``as_trained`` routes as in training.
    """

    learned: ClassVar[bool] = True
    published: ClassVar[Evaluation] = "token_choice"
    evaluation: Evaluation = "published"

    @property
    def evaluates_as_trained(self) -> bool:
        """Whether evaluation routes as training does."""
        evaluation: str = self.published if self.evaluation == "published" else self.evaluation
        return evaluation == "as_trained"

    @property
    def causal(self) -> bool:
        """Whether evaluation gives a token the same experts whatever comes after it."""
        return self.causal_training if self.evaluates_as_trained else True

    @property
    def decides_alone(self) -> bool:
        """True where each token takes its top k, unless a kind says otherwise."""
        return not self.evaluates_as_trained

    def gate_power(self, part: MoE, d_model: int, std: float) -> float:
        """The mean over tokens of Σ_k w_k² at step 0, measured on random tokens of variance 1."""
        return _measured_gate_power(self, part, d_model, std)


class Router(nn.Module, ABC):
    """A module that finds the experts of each token.

    Args:
        part: The feed-forward that it routes for.
        config: How to route.
    """

    config: RouterConfig

    def __init__(self, part: MoE, config: RouterConfig) -> None:
        super().__init__()
        self.num_experts, self.top_k, self.config = part.num_experts, part.top_k, config

    @property
    def causal_training(self) -> bool:
        """Whether routing as in training gives a token the same experts whatever comes after it."""
        return self.config.causal_training

    @property
    def causal(self) -> bool:
        """Whether evaluation gives a token the same experts whatever comes after it."""
        return self.config.causal

    @property
    def decides_alone(self) -> bool:
        """Whether evaluation decides on each token by itself, whatever tokens and rows stand beside it."""
        return self.config.decides_alone

    @property
    def leaks(self) -> bool:
        """Whether later tokens have a part in the decisions of now."""
        return not (self.causal_training if self.training else self.causal)

    @abstractmethod
    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Make weights and tables anew.

        Args:
            std: Standard deviation of what is drawn at random.
        """

    @abstractmethod
    def forward(
        self,
        x_BSD: Tensor,
        ids_BS: Tensor | None = None,
        valid_BS: Tensor | None = None,
        replay: Routing | None = None,
    ) -> Routing:
        """The decision for a batch.

        Args:
            x_BSD: What is routed.
            ids_BS: Token ids, which only hash routing reads.
            valid_BS: Which tokens are real; the others get no expert. Left out where all are, and then not given.
            replay: A decision to repeat: its experts are taken, with gates of the router as it is now. Given only
                where there is one.
        """

    def extra_repr(self) -> str:
        """The shape, for ``print(module)``."""
        return f"{self.config.kind}, num_experts={self.num_experts}, top_k={self.top_k}"


@dataclass(frozen=True)
class Seen:
    """What a router decides by: tokens and their ids, logits and log-scores, and which tokens are real.

    Attributes:
        x_TD: Tokens, zero where they are padding.
        ids_T: Their ids, or none.
        valid_T: Which are real; none where all are.
        num_sequences: B.
        logits_TE: Logits.
        log_score_TE: Log of the scores that gates are made of.
    """

    x_TD: Tensor
    ids_T: Tensor | None
    valid_T: Tensor | None
    num_sequences: int
    logits_TE: Tensor
    log_score_TE: Tensor


class ChoosingRouter(Router):
    """A router in four steps: logits, a choice by them, gates of the choice, and whom a full expert turns away.

    All of it computes in float32 or wider, whatever the type of the model, of its wrapper or of autocast. Padding
    is set to zero before, chooses nothing, and is not among those that a choice weighs against each other. A
    recorded choice takes the place of the second and the fourth step.
    """

    def forward(
        self,
        x_BSD: Tensor,
        ids_BS: Tensor | None = None,
        valid_BS: Tensor | None = None,
        replay: Routing | None = None,
    ) -> Routing:
        """The decision for a batch, or a recorded one with the gates of now.

        Raises:
            InputError: The recorded decision is of other tokens or other experts.
        """
        with without_autocast(x_BSD):
            valid_T = None if valid_BS is None else valid_BS.reshape(-1)
            x_TD = x_BSD.flatten(0, 1)
            x_TD = x_TD if valid_T is None else x_TD.masked_fill(~valid_T[:, None], 0)
            ids_T = None if ids_BS is None else ids_BS.reshape(-1)
            logits_TE, log_score_TE = self.score(x_TD)
            seen = Seen(x_TD, ids_T, valid_T, x_BSD.shape[0], logits_TE, log_score_TE)
            expert_TK = self.choose(seen) if replay is None else self._recorded(replay, len(x_TD))
            if valid_T is not None:
                expert_TK = expert_TK.where(valid_T[:, None], EMPTY)
            weight_TK = self.gate(seen, expert_TK.clamp_min(0))
            weight_TK = weight_TK if self.config.scale == 1 else weight_TK * self.config.scale
            kept_TK = expert_TK != EMPTY
            if replay is None:
                kept_TK = kept_TK & self.keep(seen, expert_TK, weight_TK.detach())
            else:
                kept_TK = kept_TK & replay.kept_TK
            return self.decide(seen, expert_TK, weight_TK * kept_TK, kept_TK)

    @abstractmethod
    def score(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and log-scores of all experts, (T, E) both, in float32 or wider."""

    @abstractmethod
    def choose(self, seen: Seen) -> Tensor:
        """The experts of each token, (T, K); −1 is none. What padding chooses does not matter."""

    @abstractmethod
    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """The gates of chosen experts before ``scale``, (T, K)."""

    def keep(self, seen: Seen, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
        """Which choices find room, (T, K) bool: all, unless a kind says otherwise."""
        return all_kept(expert_TK)

    def decide(self, seen: Seen, expert_TK: Tensor, weight_TK: Tensor, kept_TK: Tensor) -> Routing:
        """The decision that a choice makes."""
        return Routing(
            expert_TK=expert_TK,
            weight_TK=weight_TK,
            score_TE=self.probability(seen, expert_TK),
            logits_TE=seen.logits_TE,
            kept_TK=kept_TK,
            valid_T=seen.valid_T,
        )

    def probability(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """Probabilities of all experts, each token's summing to 1, (T, E)."""
        return seen.log_score_TE.exp()

    def _recorded(self, replay: Routing, num_tokens: int) -> Tensor:
        want, given = (num_tokens, self.num_experts), tuple(replay.score_TE.shape)
        if given != want:
            raise InputError(
                f"replay: must be of {want[0]} tokens and {want[1]} experts, got {given[0]} and {given[1]}"
            )
        return replay.expert_TK


class LearnedRouter(ChoosingRouter):
    """A router by logits x W^T, in float32 (or wider), whatever the model's type.

    Attributes:
        weight: (E, D), one row per expert.
        bias: (E,), or none.

    Args:
        part: The feed-forward that it routes for.
        d_model: D.
        config: How to route.
    """

    config: LearnedRouterConfig

    def __init__(self, part: MoE, d_model: int, config: LearnedRouterConfig) -> None:
        super().__init__(part, config)
        self.weight = nn.Parameter(torch.empty(part.num_experts, d_model))
        self.bias = nn.Parameter(torch.empty(part.num_experts)) if part.router_bias else None
        self.add_parameters(d_model)
        self.reset_parameters()

    def add_parameters(self, d_model: int) -> None:
        """Make what a kind has beyond the rows of its experts: nothing, unless it says otherwise."""

    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Draw normal rows; the bias starts at zero."""
        nn.init.normal_(self.weight, std=std)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @property
    def as_trained(self) -> bool:
        """Whether the next call routes as in training."""
        return self.training or self.config.evaluates_as_trained

    def logits(self, x_TD: Tensor) -> Tensor:
        """Logits x W^T + b, (T, E), in float32 or wider even under autocast."""
        return linear(x_TD, self.weight, self.bias)

    def score(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the log of their softmax."""
        logits_TE = self.logits(x_TD)
        return logits_TE, log_softmax(logits_TE)


@cache
def _measured_gate_power(config: LearnedRouterConfig, part: MoE, d_model: int, std: float) -> float:
    """The gates of a router of its own, so that the model's random numbers and devices stay as they are."""
    # 512 tokens in 4 sequences: the root, which weights are scaled by, is then known within a few percent.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.no_grad():
        torch.default_generator.manual_seed(0)
        router = config.build(part, d_model, 1).to(torch.float32)
        router.reset_parameters(std)
        routing = router(torch.randn(4, 128, d_model, dtype=torch.float32))
        weight_TK = routing.weight_TK.masked_fill(routing.dispatched_TK == EMPTY, 0)
    return float(weight_TK.square().sum(dim=1).mean())


def linear(x_TD: Tensor, weight_ED: Tensor, bias_E: Tensor | None = None) -> Tensor:
    """A product in float32 or wider, also where autocast is on."""
    dtype = torch.promote_types(x_TD.dtype, torch.float32)
    with without_autocast(x_TD):
        bias_E = None if bias_E is None else bias_E.to(dtype)
        return nn.functional.linear(x_TD.to(dtype), weight_ED.to(dtype), bias_E)


def all_kept(expert_TK: Tensor) -> Tensor:
    """A mask that keeps every slot."""
    return torch.ones_like(expert_TK, dtype=torch.bool)
