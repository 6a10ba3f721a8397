"""The optimiser of a run, over the groups of a model's parameters."""

import torch
from torch import nn

from optimoe.core.errors import require
from optimoe.core.run import Optimizer
from optimoe.models.param_groups import param_groups


def make_optimizer(model: nn.Module, how: Optimizer) -> torch.optim.Optimizer:
    """AdamW, fused where the device can; the rate is set before every step (:func:`set_rate`).

    Raises:
        ConfigError: Another optimiser is asked for.
    """
    require(how.name == "adamw", "optimizer.name", "adamw", how.name)
    groups = param_groups(model, weight_decay=how.weight_decay)
    return torch.optim.AdamW(groups, lr=0.0, betas=how.betas, eps=how.epsilon, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The rate of every group at the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
