"""What a model's training chooses beyond its shape: how tokens are routed, and what is added to the loss."""

import math
from dataclasses import dataclass, field
from typing import Literal

from optimoe.core.errors import ConfigError, require, require_positive

Kind = Literal["top_k", "expert_choice", "s_base", "base", "hash", "rl"]
Score = Literal["softmax", "softmax_after", "sigmoid"]
Drop = Literal["position", "choice", "score"]
Evaluation = Literal["published", "token_choice", "as_trained"]
Scope = Literal["batch", "sequence", "global"]

DROPLESS = math.inf
"""A capacity factor that no expert's load exceeds: every token is kept."""


@dataclass(frozen=True, kw_only=True)
class RouterConfig:
    """How tokens find their experts.

    Attributes:
        kind: ``top_k``, ``expert_choice``, ``s_base`` (Sinkhorn), ``base`` (linear assignment), ``hash`` (by
            token id) or ``rl`` (REINFORCE).
        score: Softmax over all experts before the choice, softmax over the chosen ones after it, or sigmoids.
        normalised: Whether the k gates of ``top_k`` are divided by their sum. With k = 1 they are then all 1, and
            the router learns from added losses only.
        scale: Factor of the gates (``routed_scaling_factor``).
        noise: Whether training adds Gaussian noise of learned scale softplus(x W_noise) to the logits.
        capacity_factor: Slots per expert ÷ even share, while training; :data:`DROPLESS` keeps all. Of expert
            choice, how many experts a token has on average is k times this (1 when dropless).
        eval_capacity_factor: The same at evaluation.
        drop: Whom a full expert turns away: later positions (whatever the choice), later choices, low gates.
        num_groups, top_groups: Only experts of the best ``top_groups`` of so many groups are chosen from.
        group_score: A group's score: its best expert (DeepSeek V2) or its best two (V3).
        balanced_by_bias: Whether a bias on the scores, moved against the load, balances the choice.
        choice_group: Tokens among which an expert chooses: all, those of one sequence, or those at one position
            of all sequences (Krajewski 2024).
        evaluation: ``published`` is what the method's authors evaluate with; ``token_choice`` gives each token
            its top k; ``as_trained`` routes as in training.
        sinkhorn_iterations: Of S-BASE; their number is fixed, so that no device is waited for.
        hash_table: ``balanced`` by token frequencies, or the token id ``modulo`` E.
        token_counts: How often each token id occurs, for the balanced table; left out, all alike.

    Raises:
        ConfigError: A number is out of limits, or two choices exclude each other.
    """

    kind: Kind = "top_k"
    score: Score = "softmax"
    normalised: bool = True
    scale: float = 1.0
    noise: bool = False
    capacity_factor: float = DROPLESS
    eval_capacity_factor: float = DROPLESS
    drop: Drop = "position"
    num_groups: int = 1
    top_groups: int = 1
    group_score: Literal["best", "best_two"] = "best_two"
    balanced_by_bias: bool = False
    choice_group: Literal["batch", "sequence", "position"] = "batch"
    evaluation: Evaluation = "published"
    sinkhorn_iterations: int = 20
    hash_table: Literal["balanced", "modulo"] = "balanced"
    token_counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_positive(self, "scale", "capacity_factor", "eval_capacity_factor", "num_groups", "top_groups")
        require_positive(self, "sinkhorn_iterations")
        require(self.top_groups <= self.num_groups, "top_groups", f"at most {self.num_groups}", self.top_groups)
        _only(self, "top_k", "noise", "num_groups", "balanced_by_bias", "score", "normalised", "drop")
        _only(self, "expert_choice", "choice_group")
        _only(self, "hash", "hash_table", "token_counts")
        after = self.score != "softmax_after" or self.normalised
        require(after, "normalised", "true with softmax_after, whose gates sum to 1", self.normalised)
        if self.kind not in ("top_k", "expert_choice"):
            dropless = self.capacity_factor == self.eval_capacity_factor == DROPLESS
            require(dropless, "capacity_factor", f"left out of {self.kind} routing", self.capacity_factor)


def _only(config: RouterConfig, kind: str, *names: str) -> None:
    """Refuse a choice that the router would not read.

    Raises:
        ConfigError: One of the fields is set, and the kind is another.
    """
    if config.kind == kind:
        return
    for name in names:
        value, default = getattr(config, name), RouterConfig.__dataclass_fields__[name].default
        require(value == default, name, f"left out of {config.kind} routing", value)


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of what is added to the language-model loss, each a mean over the routed layers.

    Attributes:
        balance: Load-balancing loss (Switch).
        z: Router z-loss (ST-MoE).
        importance: Squared coefficient of variation of the gates (Shazeer).
        policy, baseline, entropy: REINFORCE term, squared error of its baseline, and entropy bonus of RL-R.
        scope: Tokens over which loads are counted: this batch, each sequence, or all ranks' batches.

    Raises:
        ConfigError: A weight is negative.
    """

    balance: float = 0.0
    z: float = 0.0
    importance: float = 0.0
    policy: float = 1.0
    baseline: float = 1.0
    entropy: float = 0.01
    scope: Scope = "batch"

    def __post_init__(self) -> None:
        for name in ("balance", "z", "importance", "policy", "baseline", "entropy"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What an :class:`~optimoe.arch.spec.ArchSpec` leaves open.

    Attributes:
        router: Of every routed layer.
        losses: Added to the language-model loss.
        activation: σ of every feed-forward; gated ones multiply it with a second product.
        rope_theta: Base of the rotary frequencies.
        norm_eps: Added to every norm's variance.
        init_std: Standard deviation of the initial weights; projections back to the residual stream start
            smaller by √(2·layers).

    Raises:
        ConfigError: A number is out of limits, or a loss does not apply to the router.
    """

    router: RouterConfig = field(default_factory=RouterConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    activation: str = "silu"
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    init_std: float = 0.02

    def __post_init__(self) -> None:
        require_positive(self, "rope_theta", "norm_eps", "init_std")
        kind, losses = self.router.kind, self.losses
        if kind in ("s_base", "base", "hash") and losses.balance + losses.importance > 0:
            raise ConfigError(f"balance, importance: must be 0 beside {kind} routing, which balances by itself")
        if kind == "hash" and losses.z > 0:
            raise ConfigError(f"z: must be 0 beside hash routing, which has no logits, got {losses.z}")
