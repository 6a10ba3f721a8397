"""Sums over the ranks that share a step."""

from collections.abc import Sequence

import torch
from torch import Tensor, distributed
from torch.distributed import ProcessGroup

from optimoe.core.errors import require


def over_ranks(value: Tensor, group: ProcessGroup | None) -> Tensor:
    """A tensor summed over the ranks of a process group, or as it is where there is none.

    Args:
        value: What this rank has, of any shape; it stays as it is.
        group: The ranks, such as ``torch.distributed.group.WORLD``.
    """
    if group is None:
        return value
    value = value.clone()
    distributed.all_reduce(value, group=group)
    return value


def all_over_ranks(values: Sequence[Tensor], group: ProcessGroup | None) -> list[Tensor]:
    """Tensors of any shapes and types summed over ranks by one message, in float64, which holds counts exactly."""
    if group is None or not values:
        return list(values)
    flat = over_ranks(torch.cat([value.detach().reshape(-1).to(torch.float64) for value in values]), group)
    parts = torch.split(flat, [value.numel() for value in values])
    return [part.view(value.shape).to(value.dtype) for part, value in zip(parts, values, strict=True)]


def count_ranks(group: ProcessGroup | None) -> int:
    """The number of ranks in a group; none is this process alone."""
    return 1 if group is None else distributed.get_world_size(group)


def refuse_forgotten_group(group: ProcessGroup | None, use: str) -> None:
    """Refuse to count one of several ranks where all are meant.

    Raises:
        ConfigError: There is no group where the process is one of several ranks.
    """
    several = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
    require(group is not None or not several, "group", f"given for {use} of several ranks", group)
