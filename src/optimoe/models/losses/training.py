"""The training loss of a forward pass: cross-entropy, and the weighted losses of its routed layers.

Legend: B sequences, S positions, T = B·S tokens, V vocabulary, G sequences or documents.
"""

from dataclasses import fields

import torch
from torch import Tensor

from optimoe.core.errors import ConfigError, require
from optimoe.models.config import LossConfig, Scope
from optimoe.models.decoder import Output
from optimoe.models.losses.balance import RoutingSums, importance_loss, load_balance_loss, routing_sums, z_loss
from optimoe.models.losses.language import IGNORED, token_losses
from optimoe.models.losses.policy import policy_losses
from optimoe.models.losses.ranks import all_over_ranks, refuse_forgotten_group
from optimoe.models.losses.step import Step
from optimoe.models.losses.values import (
    LayerLosses,
    NumValid,
    TrainingLoss,
    count_valid,
    documents_of,
    masked_routings,
    number_documents,
)
from optimoe.models.routing import PolicyRouting, Routing


def training_loss(
    output: Output,
    targets_BS: Tensor,
    config: LossConfig,
    step: Step | None = None,
    *,
    document_BS: Tensor | None = None,
) -> TrainingLoss:
    """The training loss of a forward pass: cross-entropy, and the weighted means of the layers' losses.

    Each of these is a mean over the layers whose router has it (:class:`~optimoe.models.config.LossConfig`), so
    that a weight means the same beside layers that hash.

    Padding takes no part in anything; a prompt, whose tokens are real and have no target, is balanced and has no
    language loss. RL-R's terms are of decisions that were sampled in training; at evaluation there are none.

    Args:
        output: Logits and routing decisions.
        targets_BS: Next tokens; :data:`~optimoe.models.losses.language.IGNORED` where there is none.
        config: Weights, and the tokens over which loads are counted.
        step: The optimiser step that this micro-batch is a part of; left out, it is the whole of it.
        document_BS: The document of each token, −1 for padding; left out, rows are documents and padding is what
            the model was told.

    Raises:
        ConfigError: The scope needs other ranks and there is no group, or the step's totals and nobody looked.
    """
    document_BS = documents_of(output, document_BS)
    real_T = None if document_BS is None else (document_BS >= 0).reshape(-1)
    target_T = targets_BS.reshape(-1)
    if real_T is not None:
        target_T = target_T.masked_fill(~real_T, IGNORED)
    mine = count_valid(targets_BS, document_BS)
    whole = mine if step is None else step.num_valid
    loss_T, log_partition_T = token_losses(output.logits_BSV.flatten(0, 1), target_T)
    num_targets = whole.targets.clamp_min(1)
    language, logit_z = loss_T.sum() / num_targets, log_partition_T.square().sum() / num_targets
    routings = masked_routings(output, document_BS)
    balanced = _balance(routings, targets_BS, document_BS, config.scope, whole, step)
    total = language + config.logit_z * logit_z
    layers = {
        layer: _layer_losses(routing, *balanced[layer], -loss_T.detach(), target_T != IGNORED, whole)
        for layer, routing in routings.items()
    }
    for name in (f.name for f in fields(LayerLosses)):
        having = [getattr(layers[layer], name) for layer, it in routings.items() if name in it.losses]
        weight = getattr(config, name)
        if having and weight:  # backward then skips what weighs nothing
            total = total + weight * torch.stack(having).mean()
    return TrainingLoss(
        total=total * (1 if step is None else step.num_ranks),
        language=language.detach(),
        logit_z=logit_z.detach(),
        layers={layer: losses.map(Tensor.detach) for layer, losses in layers.items()},
        num_valid=mine,
        leaky_layers=output.leaky_layers,
    )


def _layer_losses(
    routing: Routing, balance: Tensor, importance: Tensor, reward_T: Tensor, rewarded_T: Tensor, whole: NumValid
) -> LayerLosses:
    """All losses of one layer, from the decision that was dispatched."""
    zero = routing.score_TE.new_zeros(())
    policy, baseline, entropy = zero, zero, zero
    if isinstance(routing, PolicyRouting):
        policy, baseline, entropy = policy_losses(routing, reward_T, rewarded_T, whole.targets, whole.tokens)
    losses = {
        "balance": balance,
        "z": z_loss(routing, whole.tokens),
        "importance": importance,
        "policy": policy,
        "baseline": baseline,
        "entropy": entropy,
    }
    return LayerLosses(**{name: it if name in routing.losses else zero for name, it in losses.items()})


def _balance(
    routings: dict[int, Routing],
    targets_BS: Tensor,
    document_BS: Tensor | None,
    scope: Scope,
    whole: NumValid,
    step: Step | None,
) -> dict[int, tuple[Tensor, Tensor]]:
    """Balance and importance of each layer over the tokens that the scope names."""
    if scope == "sequence":
        if document_BS is None:
            num_groups = targets_BS.shape[0]
            group_T = torch.arange(num_groups, device=targets_BS.device).repeat_interleave(targets_BS.shape[1])
        else:
            group_T, num_groups = number_documents(document_BS)
        each = {layer: routing_sums(routing, group_T, num_groups) for layer, routing in routings.items()}
        return {layer: _mean_over_sequences(sums, whole) for layer, sums in each.items()}
    mine = {layer: routing_sums(routing) for layer, routing in routings.items()}
    totals = _totals(mine, scope, step)
    return {layer: _share_of_totals(sums, totals[layer], whole) for layer, sums in mine.items()}


def _totals(mine: dict[int, RoutingSums], scope: Scope, step: Step | None) -> dict[int, RoutingSums]:
    """What the scope sums up, by layer."""
    if scope == "batch":
        return mine
    if step is None:
        refuse_forgotten_group(None, f"the scope {scope}")
        return mine
    if scope == "step":
        if step.totals is None:
            raise ConfigError('scope: "step" must have its totals before the loss: call step.look first')
        require(mine.keys() <= step.totals.keys(), "layers", f"those looked at, {list(step.totals)}", list(mine))
        return step.totals
    names = [f.name for f in fields(RoutingSums)]
    flat = [getattr(sums, name) for sums in mine.values() for name in names]
    over = iter(all_over_ranks(flat, step.group))
    return {layer: RoutingSums(**{name: next(over) for name in names}) for layer in mine}


def _mean_over_sequences(sums: RoutingSums, whole: NumValid) -> tuple[Tensor, Tensor]:
    weight_G = (sums.tokens_G > 0).to(sums.score_GE.dtype) / whole.sequences.clamp_min(1)
    return (load_balance_loss(sums) * weight_G).sum(), (importance_loss(sums) * weight_G).sum()


def _share_of_totals(mine: RoutingSums, totals: RoutingSums, whole: NumValid) -> tuple[Tensor, Tensor]:
    """Shares of the losses at the totals, weighed by the totals' part of the step.

    In value L(totals)·(own tokens ÷ the step's), in gradient that of L at the totals by this micro-batch's part of
    them: both add up to (the totals' tokens ÷ the step's)·L, in value and in gradient.
    """
    num_tokens, dtype = whole.tokens.clamp_min(1), mine.score_GE.dtype
    own = mine.tokens_G.sum().to(dtype) / num_tokens
    if totals is mine:  # there is nothing to be a part of
        return load_balance_loss(mine).sum() * own, importance_loss(mine).sum() * own
    part = totals.tokens_G.sum().to(dtype) / num_tokens

    def share(loss: Tensor) -> Tensor:
        return loss.detach() * own + part * (loss - loss.detach())

    at = mine.at(totals)
    return share(load_balance_loss(at).sum()), share(importance_loss(at).sum())
