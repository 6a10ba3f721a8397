"""Groups of parameters for an optimiser: what decays, and what has a rate and a clip norm of its own."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from optimoe.core.errors import ConfigError, require, require_choice
from optimoe.models.decoder import Decoder, find_decoder
from optimoe.models.experts.layer import Experts
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import Router

GROUPS = (
    *("matrices", "experts", "embeddings", "unembedding", "norms", "biases", "sinks"),
    *("routers", "router_biases", "baselines", "peer_keys", "peer_tables"),
)
"""Names of groups, by what their parameters do; a model has those that it has parameters for."""

DECAYED = frozenset({"matrices", "experts", "unembedding", "routers", "peer_keys"})
"""Groups that weight decay pulls to zero. Not so norms and biases; nor a table of PEER, whose rows would shrink in
every step in which no token retrieves them, and the baseline of RL-R, which predicts a loss (both assumed)."""

CLIPPED_ALONE = ("baselines", "peer_tables")
"""Groups whose gradients have a scale of their own: clipped with the rest, they would set the rest's."""

_PARAMETRIZED = re.compile(r"\.parametrizations\.(\w+)\.(?:original\w*|\d+\.\w+)$")


def param_groups(
    model: nn.Module,
    *,
    weight_decay: float,
    decay_embeddings: bool = False,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The parameters that train as groups for an optimiser, each in exactly one; tied ones are ``embeddings``.

    ``matrices`` and ``experts`` decay, also ``routers``, ``peer_keys`` and ``unembedding``; ``norms``, ``biases``
    (those of experts too, which have two axes), ``router_biases``, ``sinks``, ``baselines`` and ``peer_tables`` do
    not. Frozen parameters are in none::

        groups = param_groups(model, weight_decay=0.1, overrides={"routers": {"lr": 1e-4}})
        optimizer = torch.optim.AdamW(groups, lr=3e-4)

    Args:
        model: The decoder, or what wraps it.
        weight_decay: Of the groups that decay.
        decay_embeddings: Whether embeddings decay; OLMo 2 (arXiv 2501.00656) found training steadier without.
        overrides: What an optimiser takes for a group, by the group's name: ``lr``, ``weight_decay``, ``betas``.

    Returns:
        Dictionaries of ``name``, ``params``, ``param_names``, ``weight_decay``, in the order of :data:`GROUPS`.

    Raises:
        ConfigError: The decay is negative or no finite number, or a parameter is of a kind that has no group.
        UnknownNameError: An override names no group; the text names the nearest.
    """
    require(0 <= weight_decay < math.inf, "weight_decay", "zero or more, and finite", weight_decay)
    overrides = overrides or {}
    for name in overrides:
        require_choice(name, "overrides", GROUPS)
    decoder = find_decoder(model)
    members: dict[str, dict[str, Tensor]] = {name: {} for name in GROUPS}
    for name, parameter in decoder.named_parameters():
        if parameter.requires_grad:
            members[_group_of(decoder, name, parameter)][name] = parameter
    decayed = DECAYED | {"embeddings"} if decay_embeddings else DECAYED
    return [
        {
            "name": name,
            "params": list(found.values()),
            "param_names": list(found),
            "weight_decay": weight_decay if name in decayed else 0.0,
            **overrides.get(name, {}),
        }
        for name, found in members.items()
        if found
    ]


def clip_grad_norms(
    groups: Sequence[Mapping[str, Any]], max_norm: float, alone: Collection[str] = CLIPPED_ALONE
) -> dict[str, Tensor]:
    """Clip gradients to a norm: some groups each by itself, all others together; the norms before clipping.

    Args:
        groups: Of :func:`param_groups`, or an optimiser's ``param_groups`` made of them.
        max_norm: The norm that each of them keeps at most.
        alone: Names of groups that are clipped by themselves.

    Returns:
        Norms before clipping: of each such group by its name, of all others together as ``rest``.

    Raises:
        ConfigError: The norm is not positive.
        UnknownNameError: No such group; the text names the nearest.
    """
    require(max_norm > 0, "max_norm", "positive", max_norm)
    for name in alone:
        require_choice(name, "alone", GROUPS)
    parts: dict[str, list[Tensor]] = {"rest": []}
    for group in groups:
        parts.setdefault(group["name"] if group["name"] in alone else "rest", []).extend(group["params"])
    return {name: _clip(params, max_norm) for name, params in parts.items()}


def _clip(params: Sequence[Tensor], max_norm: float) -> Tensor:
    """Clip gradients to a norm, those that ranks share in different ways too; their norm before."""
    alike: dict[DeviceMesh | None, list[Tensor]] = {}
    for param in params:
        alike.setdefault(param.device_mesh if isinstance(param, DTensor) else None, []).append(param)
    norms = [nn.utils.get_total_norm([p.grad for p in some if p.grad is not None]) for some in alike.values()]
    whole = [norm.full_tensor() if isinstance(norm, DTensor) else norm for norm in norms]
    norm = torch.linalg.vector_norm(torch.stack(whole)) if len(whole) > 1 else whole[0]
    for some in alike.values():
        nn.utils.clip_grads_with_norm_(some, max_norm, norm)
    return norm


def _group_of(decoder: Decoder, name: str, parameter: Tensor) -> str:
    """The group of a parameter, by the module that has it and what it is there."""
    name = _PARAMETRIZED.sub(r".\1", name)  # what trains of a grown or adapted tensor is of the module that has it
    path, _, tensor = name.rpartition(".")
    owners = [decoder.get_submodule(".".join(path.split(".")[:n])) for n in range(len(path.split(".")) + 1)]
    if any(isinstance(owner, Router) for owner in owners):
        kind = "routers" if parameter.dim() > 1 else "router_biases"
        return "baselines" if ".baseline." in name else kind
    owner = owners[-1]
    if isinstance(owner, PEERLayer):
        return "peer_keys" if tensor == "keys" else "peer_tables"
    if isinstance(owner, Experts):
        return "biases" if tensor.startswith("b_") else "experts"
    if isinstance(owner, nn.Embedding):
        return "embeddings"
    if tensor == "sink_H":
        return "sinks"
    if parameter.dim() == 1:
        return "norms" if tensor == "weight" else "biases"
    if not isinstance(owner, nn.Linear):
        raise ConfigError(f"param_groups: must know what {name} is, a parameter of {type(owner).__name__}")
    return "unembedding" if owner is decoder.unembedding else "matrices"
