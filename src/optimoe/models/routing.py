"""One routing decision, which dispatch, losses and metrics share.

Legend: T tokens (sequence after sequence), K slots per token, E experts.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils import _pytree

EMPTY = -1
"""The expert of a slot that holds none."""


@dataclass(frozen=True)
class Routing:
    """Which experts each token takes, and why.

    Attributes:
        expert_TK: Chosen experts (int64); −1 where a slot is empty. Slots that a full expert turned away keep
            their expert here and are not kept.
        weight_TK: Gates; 0 where not kept.
        score_TE: Probabilities of all experts, each token's summing to 1, as losses and entropy use them.
        logits_TE: What the probabilities were made from, noise included.
        kept_TK: Whether a slot is computed; false where it is empty or dropped.
    """

    expert_TK: Tensor
    weight_TK: Tensor
    score_TE: Tensor
    logits_TE: Tensor
    kept_TK: Tensor

    @property
    def dispatched_TK(self) -> Tensor:
        """Experts to compute: as chosen, −1 where dropped."""
        return self.expert_TK.where(self.kept_TK, EMPTY)


@dataclass(frozen=True)
class PolicyRouting(Routing):
    """A sampled decision.

    Attributes:
        log_prob_T: Log-probability of the sampled experts under the policy.
        baseline_T: The reward expected by the learned baseline.
    """

    log_prob_T: Tensor
    baseline_T: Tensor


for _kind in (Routing, PolicyRouting):  # so that wrappers of modules find the tensors in it
    _pytree.register_dataclass(_kind)


@dataclass(frozen=True, kw_only=True)
class RoutingReport:
    """What one layer's routing looks like, as tensors without gradient.

    Attributes:
        load_E: Slots for which each expert was chosen, dropped ones included.
        computed_E: Slots that each expert computes.
        dropped: Slots that were turned away.
        unrouted: Tokens that no expert computes.
        entropy: Mean entropy of the router's probabilities, nats; ln E at the start, 0 when certain.
        load_imbalance: Busiest expert's load ÷ mean; 1 is balanced.
        dead: Experts that nobody chose.
    """

    load_E: Tensor
    computed_E: Tensor
    dropped: Tensor
    unrouted: Tensor
    entropy: Tensor
    load_imbalance: Tensor
    dead: Tensor


def count_load(expert_TK: Tensor, num_experts: int) -> Tensor:
    """Slots per expert, (E,) int64; empty ones are not counted. Nothing waits for the device."""
    flat = expert_TK.reshape(-1)
    chosen = (flat != EMPTY).to(torch.int64)
    return torch.zeros(num_experts, dtype=torch.int64, device=flat.device).scatter_add(
        0, flat.clamp_min(0), chosen
    )


@torch.no_grad()
def report(routing: Routing) -> RoutingReport:
    """Load, drops, entropy and imbalance of one layer."""
    num_experts = routing.score_TE.shape[1]
    load_E = count_load(routing.expert_TK, num_experts)
    chosen_TK = routing.expert_TK != EMPTY
    mean = load_E.sum().clamp_min(1) / num_experts
    return RoutingReport(
        load_E=load_E,
        computed_E=count_load(routing.dispatched_TK, num_experts),
        dropped=(chosen_TK & ~routing.kept_TK).sum(),
        unrouted=(~routing.kept_TK.any(dim=1)).sum(),
        entropy=torch.special.entr(routing.score_TE).sum(dim=1).mean(),
        load_imbalance=load_E.max() / mean,
        dead=(load_E == 0).sum(),
    )


@torch.no_grad()
def coactivation(routing: Routing) -> Tensor:
    """How many tokens computed both experts, (E, E) int64; the diagonal is each expert's load."""
    num_experts = routing.score_TE.shape[1]
    expert_TK = routing.dispatched_TK
    zeros_TE = torch.zeros(expert_TK.shape[0], num_experts, device=expert_TK.device)
    taken_TE = zeros_TE.scatter_add(1, expert_TK.clamp_min(0), (expert_TK != EMPTY).to(zeros_TE.dtype))
    return (taken_TE.T.to(torch.float64) @ taken_TE.to(torch.float64)).to(torch.int64)
