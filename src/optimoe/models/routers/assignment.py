"""Balanced assignment: BASE by a linear assignment, S-BASE by Sinkhorn's iterations. Neither needs a loss.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, C columns.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from optimoe.arch.parts import MoE
from optimoe.core.errors import require, require_positive
from optimoe.models.routers.base import INIT_STD, LearnedRouter, LearnedRouterConfig, Seen
from optimoe.models.routing import take
from optimoe.models.steady import SteadyBuffers
from optimoe.models.surroundings import active_transforms, has_no_data


@dataclass(frozen=True, kw_only=True)
class BalancedRouterConfig(LearnedRouterConfig):
    """What BASE and S-BASE share: balanced while training, each token's best at evaluation."""

    balanced_by_routing: ClassVar[bool] = True

    @property
    def causal_training(self) -> bool:
        """False: the assignment weighs all tokens of the batch against each other."""
        return False


@dataclass(frozen=True, kw_only=True)
class SBase(BalancedRouterConfig):
    """S-BASE: the best entries of a plan that Sinkhorn's iterations balance (:class:`SinkhornRouter`).

    Attributes:
        evaluation: As of every learned router; ``balanced``, which is the default, adds the expert potentials that
            training found to the logits, which keeps the loads and sees no other token.
        sinkhorn_iterations: Their number, which is fixed so that no device is waited for. After 20 the rows of a
            plan from logits of spread 2 sum to 1/T within 1e-3.

    Raises:
        ConfigError: A number is out of limits.
    """

    kind: ClassVar[str] = "s_base"
    evaluation: Literal["published", "token_choice", "as_trained", "balanced"] = "balanced"  # type: ignore[assignment]
    sinkhorn_iterations: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "sinkhorn_iterations")

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "SinkhornRouter":
        """The router of one layer."""
        return SinkhornRouter(part, d_model, self)


@dataclass(frozen=True, kw_only=True)
class Base(BalancedRouterConfig):
    """BASE: the best linear assignment of tokens to experts, k = 1 (:class:`AssignmentRouter`)."""

    kind: ClassVar[str] = "base"

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "AssignmentRouter":
        """The router of one layer.

        Raises:
            ConfigError: k is not 1.
        """
        return AssignmentRouter(part, d_model, self)


class BalancedRouter(LearnedRouter):
    """A balanced choice with gates σ(logit) for k = 1, softmax(logits) for k > 1; it passes no gradient."""

    @abstractmethod
    def assign(self, logits_TE: Tensor, valid_T: Tensor | None) -> Tensor:
        """The balanced choice among real tokens, (T, K)."""

    @torch.no_grad()
    def choose(self, seen: Seen) -> Tensor:
        """Balanced in training, each token's best at evaluation."""
        logits_TE = seen.logits_TE.detach()
        if self.as_trained:
            return self.assign(logits_TE, seen.valid_T)
        return logits_TE.topk(self.top_k, dim=1).indices

    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """A sigmoid of the logit for k = 1, the softmax for k > 1."""
        if self.top_k == 1:
            return take(seen.logits_TE, expert_TK).sigmoid()
        return take(seen.log_score_TE, expert_TK).exp()


class SinkhornRouter(SteadyBuffers, BalancedRouter):
    """The k largest entries of each token's row of the Sinkhorn plan (S-BASE, Clark et al., arXiv 2202.01169).

    Conventions are Megatron-Core's ``sinkhorn``; Clark's own temperature and iteration count are unconfirmed. The
    plan balances exactly, its largest entries nearly.

    A row of the plan is the row of exp(logits + v) times a number of the token's own, v the potentials of the
    experts: the k largest entries are the k best of logits + v. Their running mean over training therefore
    evaluates with the loads of training, one token at a time. It moves in training forwards alone, once for a
    forward and its recomputation; ranks that exchange no buffers (FSDP) each keep their own.

    Attributes:
        potential_E: Running mean of v, which sums to 0.
        latest_E: The v of the last forward in training.
    """

    config: SBase
    steady = ("potential_E", "latest_E")
    potential_E: Tensor
    latest_E: Tensor

    def add_parameters(self, d_model: int) -> None:
        """Make the running potentials."""
        for name in self.steady:
            self.register_buffer(name, torch.empty(self.num_experts))

    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Draw normal rows; potentials start at zero."""
        super().reset_parameters(std)
        for name in self.steady:
            nn.init.zeros_(self.get_buffer(name))

    @torch.no_grad()
    def choose(self, seen: Seen) -> Tensor:
        """The k best of logits and potentials: those of the batch in training, running ones at evaluation."""
        if self.as_trained or self.config.evaluation != "balanced":
            return super().choose(seen)
        return (seen.logits_TE.detach() + self.potential_E).topk(self.top_k, dim=1).indices

    def assign(self, logits_TE: Tensor, valid_T: Tensor | None) -> Tensor:
        """The k largest entries of each token's row of the plan."""
        potential_E = expert_potentials(logits_TE, self.config.sinkhorn_iterations, valid_T)
        if self.training and not active_transforms():
            self._follow(potential_E)
        return (logits_TE + potential_E).topk(self.top_k, dim=1).indices

    def _follow(self, potential_E: Tensor) -> None:
        """Move the running mean by a tenth of the difference, PyTorch's momentum of batch norm (assumed)."""
        centred_E = (potential_E - potential_E.mean()).to(self.latest_E.dtype)
        again = (centred_E == self.latest_E).all()  # a recomputed forward, bit for bit
        skip = again | ~centred_E.isfinite().all()  # a batch of padding alone has none
        self.potential_E.copy_(torch.where(skip, self.potential_E, self.potential_E.lerp(centred_E, 0.1)))
        self.latest_E.copy_(torch.where(skip, self.latest_E, centred_E))


class AssignmentRouter(BalancedRouter):
    """The assignment of most total score with equal tokens per expert (BASE; Lewis et al. 2021, arXiv 2103.16716).

    The output is σ(x·w_e)·Expert_e(x) beside the residual stream: α·(x + f) + (1 − α)·x = x + α·f. Solved on the
    CPU in about T² E operations, and waits for it: for studies at small batches.

    Raises:
        ConfigError: k is not 1.
    """

    def __init__(self, part: MoE, d_model: int, config: Base) -> None:
        require(part.top_k == 1, "top_k", "1 in base routing", part.top_k)
        super().__init__(part, d_model, config)

    def assign(self, logits_TE: Tensor, valid_T: Tensor | None) -> Tensor:
        """The linear assignment; loads differ by one at most."""
        if valid_T is None or has_no_data(logits_TE):
            return balanced_assignment(logits_TE)
        expert_TK = torch.zeros(len(logits_TE), 1, dtype=torch.int64, device=logits_TE.device)
        expert_TK[valid_T] = balanced_assignment(logits_TE[valid_T])
        return expert_TK


@torch.no_grad()
def sinkhorn(logits_TE: Tensor, iterations: int, valid_T: Tensor | None = None) -> Tensor:
    """Sinkhorn's plan diag(u) exp(logits) diag(v), row sums 1/T and column sums 1/E, by alternating logs of sums.

    The last step is on the columns: these sums are exact, and those of rows converge.

    Args:
        logits_TE: Logits.
        iterations: On rows and columns each.
        valid_T: Real tokens, whose number is T; the rows of others are 0 in the plan.
    """
    u_T, v_E = _potentials(logits_TE, iterations, valid_T)
    return (logits_TE + u_T[:, None] + v_E).exp()


@torch.no_grad()
def expert_potentials(logits_TE: Tensor, iterations: int, valid_T: Tensor | None = None) -> Tensor:
    """Logs v of the column factors of Sinkhorn's plan (:func:`sinkhorn`), (E,)."""
    return _potentials(logits_TE, iterations, valid_T)[1]


def _potentials(logits_TE: Tensor, iterations: int, valid_T: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logs of the row and of the column factors, (T,) and (E,)."""
    T, E = logits_TE.shape
    real_T = torch.ones_like(logits_TE[:, 0], dtype=torch.bool) if valid_T is None else valid_T
    log_T = real_T.sum().to(logits_TE.dtype).log() if valid_T is not None else math.log(max(T, 1))
    v_E = logits_TE.new_zeros(E)
    u_T = logits_TE.new_zeros(T)
    # A fixed number: to stop at convergence the host would have to read the device in every iteration.
    for _ in range(iterations):
        u_T = (-log_T - (logits_TE + v_E).logsumexp(dim=1)).where(real_T, -math.inf)
        v_E = -math.log(E) - (logits_TE + u_T[:, None]).logsumexp(dim=0)
    return u_T, v_E


@torch.no_grad()
def balanced_assignment(logits_TE: Tensor) -> Tensor:
    """Experts (T, 1) of maximal total score, ⌊T/E⌋ or ⌈T/E⌉ tokens for each.

    Every expert has ⌊T/E⌋ columns that must be filled, worth more than any difference of scores, and, where E
    does not divide T, one that may be.
    """
    if torch.compiler.is_compiling():
        return _assign(logits_TE)
    T, E = logits_TE.shape
    if has_no_data(logits_TE) or T == 0:
        return logits_TE.new_empty(T, 1, dtype=torch.int64)
    score_TE = logits_TE.to("cpu", torch.float64).numpy()
    fixed, rest = divmod(T, E)
    # Leaving one must-fill column empty loses more than all T choices together can gain, at most ptp each. The + 1
    # keeps it so where all scores are equal, and the 2 where sums are rounded.
    bonus = 2 * (np.ptp(score_TE) + 1) * T
    score_TC = np.concatenate([score_TE + bonus] * fixed + [score_TE] * (rest > 0), axis=1)
    _, column_T = linear_sum_assignment(score_TC, maximize=True)
    return torch.from_numpy(column_T % E).to(logits_TE.device, torch.int64)[:, None]


@torch.library.custom_op("optimoe::balanced_assignment", mutates_args=())
def _assign(logits_TE: Tensor) -> Tensor:
    return balanced_assignment(logits_TE)


@_assign.register_fake
def _fake_assign(logits_TE: Tensor) -> Tensor:
    return logits_TE.new_empty(len(logits_TE), 1, dtype=torch.int64)
