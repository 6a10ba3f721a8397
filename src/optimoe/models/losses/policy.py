"""Losses that train a routing policy: REINFORCE with a learned baseline.

Legend: T tokens, E experts.
"""

from torch import Tensor

from optimoe.models.routing import PolicyRouting, without_padding


def policy_losses(
    routing: PolicyRouting,
    reward_T: Tensor,
    rewarded_T: Tensor,
    num_rewarded: Tensor | None = None,
    num_tokens: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """REINFORCE term, baseline loss and negative entropy of one layer (RL-R; arXiv 2202.01169).

    −mean (R − b)·ln π(choice) without gradient through R − b; mean (R − b)²; −mean entropy of π. The first two
    are means over tokens with a reward, the third over all real ones, a prompt's too.

    Args:
        routing: The decision.
        reward_T: R, the reward of each token.
        rewarded_T: Tokens that have one.
        num_rewarded: What the first two sums are divided by; left out, the tokens with a reward here.
        num_tokens: What the third is divided by; left out, the real tokens here.
    """
    num_rewarded = rewarded_T.sum() if num_rewarded is None else num_rewarded
    num_tokens = routing.real_T.sum() if num_tokens is None else num_tokens
    advantage_T = without_padding(reward_T - routing.baseline_T, rewarded_T)
    log_prob_T = without_padding(routing.log_prob_T, rewarded_T)
    policy = -(advantage_T.detach() * log_prob_T).sum() / num_rewarded.clamp_min(1)
    baseline = advantage_T.square().sum() / num_rewarded.clamp_min(1)
    score_TE, logits_TE = (without_padding(x, routing.valid_T) for x in (routing.score_TE, routing.logits_TE))
    return policy, baseline, (score_TE * logits_TE).sum() / num_tokens.clamp_min(1)
