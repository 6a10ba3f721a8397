"""Losses of one routing decision, and the bias that balances without one.

Legend: T tokens, K slots per token, E experts, G groups of tokens, B sequences, S positions, V vocabulary.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, distributed
from torch.distributed import ProcessGroup
from torch.nn import functional

from optimoe.core.errors import ConfigError, require, require_choice
from optimoe.models.config import LossConfig, Scope
from optimoe.models.decoder import Decoder, Output
from optimoe.models.routers.top_k import TopKRouter
from optimoe.models.routing import EMPTY, PolicyRouting, Routing, load_of

IGNORED = -100
"""A target that takes no part in the loss."""


@dataclass(frozen=True, kw_only=True)
class LayerLosses:
    """The losses of one layer, without their weights; 0 where they do not apply.

    ``entropy`` is minus the policy's entropy, so that adding it keeps the policy open.
    """

    balance: Tensor
    z: Tensor
    importance: Tensor
    policy: Tensor
    baseline: Tensor
    entropy: Tensor


@dataclass(frozen=True, kw_only=True)
class TrainingLoss:
    """What to minimise, and what it is made of.

    Attributes:
        total: The language-model loss plus the weighted means over layers.
        language: Mean cross-entropy, nats per token.
        layers: Losses of each routed layer, by layer number.
    """

    total: Tensor
    language: Tensor
    layers: dict[int, LayerLosses]


def training_loss(
    output: Output, targets_BS: Tensor, config: LossConfig, group: ProcessGroup | None = None
) -> TrainingLoss:
    """The training loss of a forward pass: cross-entropy, and the weighted means of the layers' losses.

    Args:
        output: Logits and routing decisions.
        targets_BS: Next tokens; :data:`IGNORED` where there is none.
        config: Weights.
        group: The ranks whose batches ``scope="global"`` counts; none is this process alone.

    Raises:
        ConfigError: The scope is global, several ranks are at work and no group is given.
    """
    target_T = targets_BS.reshape(-1)
    valid_T = target_T != IGNORED
    logits_TV = output.logits_BSV.flatten(0, 1).to(torch.promote_types(output.logits_BSV.dtype, torch.float32))
    loss_T = functional.cross_entropy(logits_TV, target_T, reduction="none", ignore_index=IGNORED)
    language = loss_T.sum() / valid_T.sum().clamp_min(1)
    layers = {
        layer: layer_losses(routing, targets_BS.shape[0], config.scope, -loss_T.detach(), valid_T, group)
        for layer, routing in output.routings.items()
    }
    total = language
    for losses in layers.values():
        weighted = [getattr(config, f.name) * getattr(losses, f.name) for f in fields(losses)]
        total = total + torch.stack(weighted).sum() / len(layers)
    return TrainingLoss(total=total, language=language, layers=layers)


def layer_losses(
    routing: Routing,
    num_sequences: int,
    scope: Scope,
    reward_T: Tensor,
    valid_T: Tensor,
    group: ProcessGroup | None = None,
) -> LayerLosses:
    """All losses of one layer, from the decision that was dispatched.

    Args:
        routing: The decision.
        num_sequences: B.
        scope: Tokens over which loads are counted.
        reward_T: Reward of each token, for RL-R.
        valid_T: Tokens whose reward counts.
        group: The ranks of a global scope.
    """
    zero = routing.score_TE.new_zeros(())
    policy, baseline, entropy = zero, zero, zero
    if isinstance(routing, PolicyRouting):
        policy, baseline, entropy = policy_losses(routing, reward_T, valid_T)
    return LayerLosses(
        balance=load_balance_loss(routing, num_sequences, scope, group),
        z=z_loss(routing),
        importance=importance_loss(routing),
        policy=policy,
        baseline=baseline,
        entropy=entropy,
    )


def load_balance_loss(
    routing: Routing, num_sequences: int = 1, scope: Scope = "batch", group: ProcessGroup | None = None
) -> Tensor:
    """Load-balancing loss max(1, E·Σ_e f_e·P_e), f_e the share of slots and P_e the mean probability of expert e.

    1 is its value in balance, for any k; E when one expert takes all of k = 1. Shares are of what was chosen,
    before any drop. Probabilities sum to 1 by normalisation in log space, so that no router lowers the loss by
    making all of its scores small; and as f and P may differ in sign of deviation (51 % of tokens at (0.51, 0.49)
    and 49 % at (0, 1) give 0.990), which is no better balance, the loss stops at 1, without gradient below.

    With ``scope="sequence"`` the mean of the losses of each sequence; with ``"global"`` f is over all ranks of the
    group (Qiu et al. 2025, arXiv 2501.11873). Source: Switch Transformer, arXiv 2101.03961, eq. 4-6, without its
    factor α.

    Args:
        routing: The decision.
        num_sequences: B.
        scope: Tokens over which f is counted.
        group: The ranks of a global scope; none is this process alone.

    Raises:
        UnknownNameError: The scope is none of its words.
        ConfigError: The scope is global, several ranks are at work and no group is given.
    """
    require_choice(scope, "scope", Scope)
    num_experts = routing.score_TE.shape[1]
    groups = num_sequences if scope == "sequence" else 1
    expert_GN = routing.expert_TK.reshape(groups, -1)
    chosen_GN = (expert_GN != EMPTY).to(routing.score_TE.dtype)
    zeros_GE = torch.zeros(groups, num_experts, dtype=chosen_GN.dtype, device=chosen_GN.device)
    load_GE = zeros_GE.scatter_add(1, expert_GN.clamp_min(0), chosen_GN)
    if scope == "global":
        _refuse_forgotten_group(group)
        load_GE = over_ranks(load_GE, group)
    share_GE = load_GE / load_GE.sum(dim=1, keepdim=True).clamp_min(1)
    score_GE = routing.score_TE.reshape(groups, -1, num_experts).mean(dim=1)
    return (num_experts * (share_GE * score_GE).sum(dim=1)).clamp_min(1).mean()


def z_loss(routing: Routing) -> Tensor:
    """Router z-loss, the mean of (ln Σ_e exp logit_e)² (ST-MoE, arXiv 2202.08906, eq. 5)."""
    return routing.logits_TE.logsumexp(dim=1).square().mean()


def importance_loss(routing: Routing) -> Tensor:
    """Importance loss, CV² of experts' summed gates: population variance ÷ mean² (arXiv 1701.06538, eq. 6-7)."""
    num_experts = routing.score_TE.shape[1]
    weight_N = routing.weight_TK.reshape(-1)
    zeros_E = torch.zeros(num_experts, dtype=weight_N.dtype, device=weight_N.device)
    importance_E = zeros_E.scatter_add(0, routing.expert_TK.reshape(-1).clamp_min(0), weight_N)
    mean = importance_E.mean()
    tiny = torch.finfo(mean.dtype).tiny
    return (importance_E - mean).square().mean() / mean.square().clamp_min(tiny)


def policy_losses(routing: PolicyRouting, reward_T: Tensor, valid_T: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """REINFORCE term, baseline loss and negative entropy of one layer (RL-R; arXiv 2202.01169).

    −mean (R − b)·ln π(choice) without gradient through R − b; mean (R − b)²; −mean entropy of π.
    """
    advantage_T = (reward_T - routing.baseline_T) * valid_T
    count = valid_T.sum().clamp_min(1)
    policy = -(advantage_T.detach() * routing.log_prob_T).sum() / count
    negative_entropy = (routing.score_TE * routing.logits_TE).sum(dim=1).mean()
    return policy, advantage_T.square().sum() / count, negative_entropy


def over_ranks(load: Tensor, group: ProcessGroup | None) -> Tensor:
    """Loads summed over the ranks of a process group, or as they are where there is none.

    Args:
        load: Counts of this rank, of any shape; they stay as they are.
        group: The ranks, such as ``torch.distributed.group.WORLD``.
    """
    if group is None:
        return load
    load = load.clone()
    distributed.all_reduce(load, group=group)
    return load


def _refuse_forgotten_group(group: ProcessGroup | None) -> None:
    """Refuse a global scope that would count one of several ranks.

    Raises:
        ConfigError: There is no group where the process is one of several ranks.
    """
    several = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
    require(group is not None or not several, "group", "given for the global scope of several ranks", group)


@torch.no_grad()
def update_biases(model: Decoder, loads: dict[int, Tensor], rate: float) -> None:
    """Move every balancing bias: b_e += rate·sign(mean load − load_e) (DeepSeek V3, arXiv 2412.19437, Sec. 2.1.2).

    Call it once per optimiser step with the loads of all its batches (:func:`optimoe.models.routing.count_load`,
    added up; :func:`over_ranks` where there are several). Nothing is counted inside the model, so recomputed
    activations count once.

    Args:
        model: With ``balanced_by_bias``.
        loads: Slots per expert of each layer, by layer number.
        rate: Step of the bias.

    Raises:
        ConfigError: A layer has no balancing bias.
    """
    for layer, load_E in loads.items():
        router = model.routers[layer]
        if not (isinstance(router, TopKRouter) and router.config.balanced_by_bias):
            raise ConfigError(f"balanced_by_bias: must be true to move a bias, false in layer {layer}")
        load_E = load_E.to(router.balance_bias_E.dtype)
        router.balance_bias_E += rate * (load_E.mean() - load_E).sign()


def loads_of(output: Output) -> dict[int, Tensor]:
    """Slots per expert of each routed layer of a forward pass, real tokens' only."""
    return {layer: load_of(routing) for layer, routing in output.routings.items()}
