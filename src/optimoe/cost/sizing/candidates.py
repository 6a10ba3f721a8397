"""Which layouts a search tries: every one that divides the model, or the few that are likely to win."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, require
from optimoe.core.grid import broadcast, take
from optimoe.cost.layers.layout import DEGREES, Layout, candidate_layouts, divides, undivided
from optimoe.cost.serving.estimate import Deployment

NOTHING_FIXED: Mapping[str, float] = MappingProxyType({})


def likely_layouts(arch: ArchSpec, deployment: Deployment) -> Layout:
    """The layouts worth trying on a whole grid of designs, as arrays.

    tp any divisor of the GPUs within a node; experts split by width, dealt over tp, or dealt over all ranks; one
    stage within a node and at most one per node beyond.
    """
    every = _candidates(arch, deployment, NOTHING_FIXED)
    ranks = every.tp * every.dp
    nodes = max(1, deployment.cluster.num_gpus // deployment.cluster.accelerator.linked_gpus)
    kept = ((every.ep == 1) | (every.ep == every.tp) | (every.ep == ranks)) & (every.pp <= nodes)
    return take(broadcast(every), kept)


def every_split(arch: ArchSpec, deployment: Deployment) -> Layout:
    """All layouts of the GPUs, as arrays, whether or not each of a grid's designs divides by them."""
    return _candidates(arch, deployment, NOTHING_FIXED)


def every_layout(arch: ArchSpec, deployment: Deployment, fixed: Mapping[str, float] = NOTHING_FIXED) -> Layout:
    """All layouts with the given degrees that divide the model, as arrays.

    Args:
        arch: One model.
        deployment: Its GPUs are all used.
        fixed: Degrees by name, and the ``resident`` share of the experts.

    Raises:
        ConfigError: There is none; names the first degree that does not divide, and what would.
    """
    for name in DEGREES:
        require(fixed.get(name, 1) > 0, name, "positive", fixed.get(name))
    every = _candidates(arch, deployment, fixed)
    if np.size(every.tp) == 0:
        given = {name: fixed[name] for name in ("tp", "pp", "dp") if name in fixed}
        names, degrees = " × ".join(given), " × ".join(str(degree) for degree in given.values())
        num_gpus = deployment.cluster.num_gpus
        raise ConfigError(f"{names}: must be a divisor of the {num_gpus} GPUs, got {degrees}")
    kept = np.broadcast_to(divides(arch, every), np.shape(every.tp))
    if not kept.any():
        raise ConfigError(undivided(arch, take(broadcast(every), 0)))
    return take(broadcast(every), kept)


def _candidates(arch: ArchSpec, deployment: Deployment, fixed: Mapping[str, float]) -> Layout:
    routed = any(isinstance(group.ffn, MoE) for group in arch.layers)
    cluster = deployment.cluster
    return candidate_layouts(cluster.num_gpus, cluster.accelerator.linked_gpus, fixed, routed=routed)
