"""Bytes that a run's checkpoints take, held against the disk before the first step."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from torch import nn
from torch.optim import AdamW, Optimizer

from optimoe.core.errors import InputError
from optimoe.core.units import format_bytes


def checkpoint_bytes(model: nn.Module, optimizers: Iterable[Optimizer]) -> int:
    """Bytes of a checkpoint: weights, buffers, and two moments of AdamW or one of another optimiser."""
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    moments = sum(
        (2 if isinstance(optimizer, AdamW) else 1) * parameter.nbytes
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    )
    return weights + moments


def require_room(folder: Path, size: int, number: int) -> None:
    """Refuse a run whose checkpoints the disk cannot hold.

    Args:
        folder: Where they are written; it is there.
        size: Bytes of one.
        number: So many are still to come beside those that are there: the kept ones, and the one that is written
            before an old one goes.

    Raises:
        InputError: The disk holds less than size · number.
    """
    free = shutil.disk_usage(folder).free
    if size * number > free:
        each = f"{number} checkpoints of {format_bytes(size)}"
        raise InputError(
            f"{folder}: must have room for {each}, has {format_bytes(free)}; keep fewer, or another disk"
        )
