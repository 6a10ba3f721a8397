"""The optimisers of a run, over the groups of a model's parameters."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer as TorchOptimizer

from optimoe.core.run import Optimizer
from optimoe.models.param_groups import param_groups
from optimoe.trainer.steps.stacked_muon import StackedMuon

MUON_GROUPS = {"matrices", "experts"}
"""What Muon moves: hidden matrices. Embeddings, routers, norms, biases and tables of PEER stay with AdamW."""


def make_optimizers(model: nn.Module, how: Optimizer) -> list[TorchOptimizer]:
    """AdamW, fused where the device can, of all parameters; or Muon of the hidden matrices and AdamW of the rest.

    Muon's update has the root mean square of AdamW's, so that one rate and one decay serve both (Moonlight, arXiv
    2502.16982, Sec. 2.2). Rates are set before every step (:func:`set_rate`).
    """
    groups = param_groups(model, weight_decay=how.weight_decay)
    moved = [group for group in groups if how.name == "muon" and group["name"] in MUON_GROUPS]
    others = [group for group in groups if group not in moved]
    made: list[TorchOptimizer] = []
    if others:
        made.append(torch.optim.AdamW(others, lr=0.0, betas=how.betas, eps=how.epsilon, fused=True))
    flat, stacked = ([group for group in moved if (group["name"] == "experts") is it] for it in (False, True))
    if flat:
        made.append(torch.optim.Muon(flat, lr=0.0, weight_decay=how.weight_decay, adjust_lr_fn="match_rms_adamw"))
    if stacked:
        made.append(StackedMuon(stacked, lr=0.0, weight_decay=how.weight_decay))
    return made


def groups_of(optimizers: Iterable[TorchOptimizer]) -> list[dict[str, Any]]:
    """The groups of parameters of all optimisers."""
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def set_rate(optimizers: Iterable[TorchOptimizer], rate: float) -> None:
    """The rate of every group at the next step."""
    for group in groups_of(optimizers):
        group["lr"] = rate
