"""One routing decision, which dispatch, losses and metrics share.

Legend: T tokens (sequence after sequence), K slots per token, E experts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

EMPTY = -1
"""The expert of a slot that holds none."""

NARROW = 16
"""Columns below which a softmax on a CPU runs over columns (:func:`log_softmax`)."""

LOSSES = frozenset({"balance", "z", "importance", "policy", "baseline", "entropy"})
"""The added losses of a routed layer, by name."""


@dataclass(frozen=True)
class Routing:
    """One routing decision: which experts each token takes, and why.

    Attributes:
        expert_TK: Chosen experts (int64); −1 where a slot is empty. Slots that a full expert turned away keep
            their expert here and are not kept.
        weight_TK: Gates; 0 where not kept.
        score_TE: Probabilities of all experts, each token's summing to 1, as losses and entropy use them.
        logits_TE: What the probabilities were made from, noise included.
        kept_TK: Whether a slot is computed; false where it is empty or dropped.
        valid_T: Which tokens are real (bool), the others being padding; none where all are. Padding takes no part
            in loads, losses or reports.
        leaky: Whether later tokens had a part in it: what is trained on it is no language model's loss.
        losses: The added losses that mean something for it; others are 0.
        nulls: How many of the experts compute nothing: the last ones. A slot of theirs is chosen and kept, and
            weighs in the gates and in the balance; it is not dispatched.
    """

    expert_TK: Tensor
    weight_TK: Tensor
    score_TE: Tensor
    logits_TE: Tensor
    kept_TK: Tensor
    valid_T: Tensor | None = field(default=None, kw_only=True)
    leaky: bool = field(default=False, kw_only=True)
    losses: frozenset[str] = field(default=LOSSES, kw_only=True)
    nulls: int = field(default=0, kw_only=True)

    @property
    def num_experts(self) -> int:
        """The number of experts that the decision is among, those that compute nothing included."""
        return self.score_TE.shape[1]

    @property
    def real_T(self) -> Tensor:
        """Which tokens are real, (T,) bool, whether or not the decision states it."""
        if self.valid_T is not None:
            return self.valid_T
        return torch.ones(self.expert_TK.shape[0], dtype=torch.bool, device=self.expert_TK.device)

    @property
    def chosen_TK(self) -> Tensor:
        """The experts that real tokens chose, dropped slots included; −1 where a slot is empty or padding's."""
        return self.expert_TK if self.valid_T is None else self.expert_TK.where(self.valid_T[:, None], EMPTY)

    @property
    def dispatched_TK(self) -> Tensor:
        """The experts to compute: as chosen, −1 where dropped, and where an expert computes nothing."""
        computed_TK = self.kept_TK
        if self.nulls:
            computed_TK = computed_TK & (self.expert_TK < self.num_experts - self.nulls)
        return self.expert_TK.where(computed_TK, EMPTY)


@dataclass(frozen=True)
class PolicyRouting(Routing):
    """A decision that was sampled from a policy, with what REINFORCE needs to train that policy.

    Attributes:
        log_prob_T: Log-probability of the sampled experts under the policy.
        baseline_T: The reward expected by the learned baseline.
    """

    log_prob_T: Tensor
    baseline_T: Tensor


def register_decision(kind: Any, *beside: str) -> None:
    """Let wrappers of modules, transforms and exported graphs find the tensors of a dataclass.

    Args:
        kind: The dataclass.
        beside: Its fields that hold no tensor.
    """

    def flatten(decision: Any) -> tuple[list[Tensor], tuple[Any, ...]]:
        given = {name: value for name, value in vars(decision).items() if name not in beside and value is not None}
        return list(given.values()), (tuple(given), tuple(getattr(decision, name) for name in beside))

    def unflatten(values: Iterable[Any], context: tuple[Any, ...]) -> Any:
        given, others = context
        return kind(**dict(zip(given, values, strict=True)), **dict(zip(beside, others, strict=True)))

    _pytree.register_pytree_node(kind, flatten, unflatten)


for _kind in (Routing, PolicyRouting):
    register_decision(_kind, "leaky", "losses", "nulls")


@dataclass(frozen=True, kw_only=True)
class RoutingReport:
    """What one layer's routing looks like over its real tokens, as tensors without gradient, and its mark.

    Attributes:
        load_E: Slots for which each expert was chosen, dropped ones included; of experts that compute.
        computed_E: Slots that each expert computes.
        tokens: Real tokens, all that is counted here.
        dropped: Slots that were turned away.
        unrouted: Tokens that no expert computes.
        entropy: Mean entropy of the router's probabilities, nats; ln E at the start, 0 when certain.
        load_imbalance: Busiest expert's load ÷ mean; 1 is balanced.
        dead: Experts that nobody chose.
        leaky: Whether later tokens had a part in the decision.
    """

    load_E: Tensor
    computed_E: Tensor
    tokens: Tensor
    dropped: Tensor
    unrouted: Tensor
    entropy: Tensor
    load_imbalance: Tensor
    dead: Tensor
    leaky: bool


def count_load(expert_TK: Tensor, num_experts: int) -> Tensor:
    """Slots per expert, (E,) int64; empty ones are not counted. Nothing waits for the device."""
    flat = expert_TK.reshape(-1)
    chosen = (flat != EMPTY).to(torch.int64)
    return torch.zeros(num_experts, dtype=torch.int64, device=flat.device).scatter_add(
        0, flat.clamp_min(0), chosen
    )


def log_softmax(value_TE: Tensor) -> Tensor:
    """The logarithm of a softmax over each row.

    On a CPU PyTorch fills a vector register from one row, or from one column of many rows: with fewer columns than
    a register's 16 numbers the second way takes a fifth of the time.
    """
    if value_TE.shape[1] < NARROW and value_TE.device.type == "cpu" and not torch.compiler.is_compiling():
        return value_TE.t().log_softmax(0).t()
    return value_TE.log_softmax(1)


def take(value_TE: Tensor, expert_TK: Tensor) -> Tensor:
    """Values of the chosen experts, (T, K): a gather, opaque to the compiler in both directions.

    torch 2.13 on a CPU compiles a gather's backward pass into a scatter that comes after what reads it. What is
    not compiled is a plain gather, which transforms of ``torch.func`` take.
    """
    if not torch.compiler.is_compiling():
        return value_TE.gather(1, expert_TK)
    value_TK: Tensor = _take(value_TE, expert_TK)
    return value_TK


@torch.library.custom_op("optimoe::take", mutates_args=())
def _take(value_TE: Tensor, expert_TK: Tensor) -> Tensor:
    return value_TE.gather(1, expert_TK)


@_take.register_fake
def _fake_take(value_TE: Tensor, expert_TK: Tensor) -> Tensor:
    return value_TE.new_empty(expert_TK.shape)


@torch.library.custom_op("optimoe::put", mutates_args=())
def _put(grad_TK: Tensor, expert_TK: Tensor, num_experts: int) -> Tensor:
    return grad_TK.new_zeros(len(grad_TK), num_experts).scatter_add_(1, expert_TK, grad_TK)


@_put.register_fake
def _fake_put(grad_TK: Tensor, expert_TK: Tensor, num_experts: int) -> Tensor:
    return grad_TK.new_empty(len(grad_TK), num_experts)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    value_TE, expert_TK = inputs
    ctx.save_for_backward(expert_TK)
    ctx.num_experts = value_TE.shape[1]


def _backward(ctx: Any, grad_TK: Tensor) -> tuple[Tensor, None]:
    (expert_TK,) = ctx.saved_tensors
    return _put(grad_TK, expert_TK, ctx.num_experts), None


_take.register_autograd(_backward, setup_context=_save)


@torch.no_grad()
def report(routing: Routing) -> RoutingReport:
    """The load, drops, entropy and imbalance of one layer, over its real tokens."""
    num_computing = routing.num_experts - routing.nulls
    load_E = load_of(routing)[:num_computing]
    chosen_TK, kept_TK, real_T = routing.chosen_TK, routing.kept_TK, routing.real_T
    computed_TK = _computed(routing)
    tokens = real_T.sum()
    mean = load_E.sum().clamp_min(1) / num_computing
    return RoutingReport(
        load_E=load_E,
        computed_E=count_load(computed_TK, num_computing),
        tokens=tokens,
        dropped=((chosen_TK != EMPTY) & ~kept_TK).sum(),
        unrouted=(real_T & (computed_TK == EMPTY).all(dim=1)).sum(),
        entropy=mean_entropy(routing),
        load_imbalance=load_E.max() / mean,
        dead=(load_E == 0).sum(),
        leaky=routing.leaky,
    )


def load_of(routing: Routing) -> Tensor:
    """Slots of real tokens for which each expert was chosen, dropped ones included, (E,) int64."""
    return count_load(routing.chosen_TK, routing.num_experts)


def _computed(routing: Routing) -> Tensor:
    """The experts that real tokens compute, (T, K); −1 elsewhere."""
    return routing.dispatched_TK.where(routing.real_T[:, None], EMPTY)


def without_padding(value: Tensor, valid_T: Tensor | None) -> Tensor:
    """Values of tokens, (T,) or (T, E), 0 where padding is; masked first, since what NaN goes through is NaN."""
    if valid_T is None:
        return value
    return value.masked_fill(~valid_T.view(-1, *(1,) * (value.dim() - 1)), 0)


def mean_entropy(routing: Routing) -> Tensor:
    """Mean entropy of the router's probabilities over real tokens, −Σ p ln p in nats."""
    score_TE = without_padding(routing.score_TE, routing.valid_T)
    return torch.special.entr(score_TE).sum() / routing.real_T.sum().clamp_min(1)


@torch.no_grad()
def coactivation(routing: Routing) -> Tensor:
    """How many real tokens computed both experts, (E, E) int64; the diagonal is each expert's load."""
    expert_TK, num_computing = _computed(routing), routing.num_experts - routing.nulls
    zeros_TE = torch.zeros(expert_TK.shape[0], num_computing, device=expert_TK.device)
    taken_TE = zeros_TE.scatter_add(1, expert_TK.clamp_min(0), (expert_TK != EMPTY).to(zeros_TE.dtype))
    return (taken_TE.T.to(torch.float64) @ taken_TE.to(torch.float64)).to(torch.int64)
