"""RL-R: the router is a policy, trained by REINFORCE with a learned baseline.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from optimoe.arch.parts import MoE
from optimoe.models.routers.base import INIT_STD, LearnedRouter, LearnedRouterConfig, Seen, linear
from optimoe.models.routing import LOSSES, PolicyRouting, Routing, take


@dataclass(frozen=True, kw_only=True)
class PolicyGradient(LearnedRouterConfig):
    """RL-R: experts are sampled from a policy that REINFORCE trains (:class:`PolicyRouter`)."""

    kind: ClassVar[str] = "policy_gradient"

    @property
    def causal_training(self) -> bool:
        """True: a token's sample depends on itself."""
        return True

    @property
    def decides_alone(self) -> bool:
        """True: a token's sample depends on itself."""
        return True

    @property
    def losses(self) -> frozenset[str]:
        """All: the three of REINFORCE beside those of any learned router."""
        return LOSSES

    def sums_gates(self, top_k: int) -> bool:
        """True: each of the k gates is scale/k."""
        return True

    def build(self, part: MoE, d_model: int, vocab_size: int, layer: int = 0) -> "PolicyRouter":
        """The router of one layer."""
        return PolicyRouter(part, d_model, vocab_size, self)

    def extra_params(self, part: MoE, d_model: int) -> int:
        """D + 1, the learned baseline."""
        return d_model + 1


class PolicyRouter(LearnedRouter):
    """A policy: k experts sampled without replacement from π = softmax(x W^T) in training, else the k best.

    Gates are 1/k, so that the router learns from the reward alone, through
    :func:`optimoe.models.losses.policy.policy_losses`. Method: RL-R of Clark et al. 2022 (arXiv 2202.01169); their
    reward, baseline, entropy and balance terms are not confirmed, and these are ours: the reward of a token is
    its log-likelihood of the next one, and each layer's baseline is an affine function of what it routes.

    Attributes:
        baseline: Affine map to the expected reward.

    Args:
        part: The feed-forward that it routes for.
        d_model: D.
        vocab_size: V.
        config: How to route.
    """

    config: PolicyGradient

    def __init__(self, part: MoE, d_model: int, vocab_size: int, config: PolicyGradient) -> None:
        self.vocab_size = vocab_size
        super().__init__(part, d_model, config)

    def add_parameters(self, d_model: int) -> None:
        """Make the learned baseline."""
        self.baseline = nn.Linear(d_model, 1)

    def reset_parameters(self, std: float = INIT_STD) -> None:
        """Draw normal rows; the baseline starts at −ln V, the reward of a model that knows nothing.

        From zero, its error of ln² V would fill a gradient clip for the first steps.
        """
        super().reset_parameters(std)
        nn.init.zeros_(self.baseline.weight)
        nn.init.constant_(self.baseline.bias, -math.log(self.vocab_size))

    def score(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """The log-policy, as logits and as log-scores."""
        log_policy_TE = self.logits(x_TD).log_softmax(dim=1)
        return log_policy_TE, log_policy_TE

    @torch.no_grad()
    def choose(self, seen: Seen) -> Tensor:
        """A sample in training, the best at evaluation."""
        choice_TE = seen.log_score_TE
        if self.as_trained:  # Gumbel's trick: the k best of perturbed log-probabilities are a sample
            choice_TE = choice_TE - torch.empty_like(choice_TE).exponential_().log()
        return choice_TE.topk(self.top_k, dim=1).indices

    def gate(self, seen: Seen, expert_TK: Tensor) -> Tensor:
        """One over k, whatever the policy."""
        return torch.full_like(expert_TK, 1 / expert_TK.shape[1], dtype=seen.logits_TE.dtype)

    def decide(self, seen: Seen, expert_TK: Tensor, weight_TK: Tensor, kept_TK: Tensor) -> Routing:
        """The decision; in training with what REINFORCE needs, which has no terms in a loss that is held out."""
        decision = super().decide(seen, expert_TK, weight_TK, kept_TK)
        if not self.training:
            return decision
        return PolicyRouting(
            **vars(decision),
            log_prob_T=log_probability_of_sample(take(seen.log_score_TE, expert_TK.clamp_min(0))),
            baseline_T=linear(seen.x_TD.detach(), self.baseline.weight, self.baseline.bias).squeeze(1),
        )


def log_probability_of_sample(log_policy_TK: Tensor) -> Tensor:
    """Log-probability of an ordered sample: Σ_i [ln π_i − ln(1 − Σ_{j<i} π_j)] (Plackett-Luce), (T,)."""
    policy_TK = log_policy_TK.exp()
    before_TK = policy_TK.cumsum(dim=1) - policy_TK
    room_TK = (1 - before_TK).clamp_min(torch.finfo(policy_TK.dtype).eps)
    return (log_policy_TK - room_TK.log()).sum(dim=1)
