"""The loss of a model on data that is held out.

Legend: B sequences, S positions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from optimoe.core.errors import require
from optimoe.models.config import LossConfig
from optimoe.models.losses import RunningReport, training_loss
from optimoe.models.losses.ranks import all_over_ranks, refuse_forgotten_group

Batch = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]
"""Token ids, next tokens and, where rows are packed or padded, the document of each token, (B, S) each."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well a model predicts held-out tokens.

    Attributes:
        loss: Mean cross-entropy over all targets, nats per token.
        targets: Their number.
    """

    loss: float
    targets: int


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    routed: RunningReport | None = None,
    group: ProcessGroup | None = None,
) -> Evaluation:
    """The mean loss over all targets of some batches, however they are cut: a batch weighs by its targets.

    The model evaluates meanwhile, every part of it, and is left as it was. Documents see themselves alone, padding
    and :data:`~optimoe.models.losses.language.IGNORED` targets take no part.

    Args:
        model: The decoder, or what wraps it.
        batches: What it is evaluated on; read once, this rank's.
        routed: Adds up how the batches were routed, where it is given.
        group: The ranks whose batches are one set; none is this process alone.

    Raises:
        ConfigError: A router sees later tokens at evaluation, there is no target, or several ranks are at work and
            no group is given.
    """
    refuse_forgotten_group(group, "an evaluation")
    modes = {module: module.training for module in model.modules()}
    sums: list[Tensor] = []
    model.eval()
    try:
        for ids_BS, targets_BS, *documents in batches:
            output = model(ids_BS, document_BS=documents[0]) if documents else model(ids_BS)
            loss = training_loss(output, targets_BS, LossConfig())
            targets = loss.num_valid.targets
            sums.append(torch.stack([loss.language * targets, targets.to(loss.language.dtype)]))
            if routed is not None:
                routed.add(output)
    finally:
        for module, training in modes.items():
            module.training = training
    require(len(sums) > 0, "batches", "one or more", "none")
    total, count = (float(one) for one in all_over_ranks([torch.stack(sums).sum(dim=0)], group)[0])
    require(count > 0, "targets", "one or more", 0)
    return Evaluation(loss=total / count, targets=round(count))
