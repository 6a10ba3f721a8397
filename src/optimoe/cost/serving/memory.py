"""What the memory of one GPU holds while serving, and the largest batch that fits."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optimoe.arch.memory import kv_bytes
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.reserve import Room, room
from optimoe.cost.engines.served import as_served
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import deepest_stage_share
from optimoe.cost.layers.weights import draft_weights, padding_bytes, weights_per_gpu
from optimoe.cost.serving.workload import Workload

Verdict = Literal["yes", "only just", "no"]


@dataclass(frozen=True, kw_only=True)
class GpuMemory:
    """Bytes of one GPU, the fullest of its stage.

    Attributes:
        room: What the engine leaves for weights and cache, and what it keeps.
        weights: Its share of the model, as engines load it.
        cache_per_request: Cache of one request of its attention rank, at full length.
    """

    room: Room
    weights: Values
    cache_per_request: Values

    @property
    def usable(self) -> Values:
        """Bytes for weights and cache."""
        return self.room.usable

    @property
    def cache(self) -> Values:
        """Bytes for the caches of all requests; negative where the weights alone do not fit."""
        return self.room.usable - self.weights

    @property
    def requests(self) -> Values:
        """Requests of an attention rank that fit at full length, whole; zero or less: the weights do not."""
        return self._requests(self.room.usable)

    @property
    def requests_low(self) -> Values:
        """The requests that fit by the most that releases and set-ups of the engine are known to take."""
        return self._requests(self.room.usable_low)

    @property
    def requests_high(self) -> Values:
        """The requests that fit by the least that they take."""
        return self._requests(self.room.usable_high)

    def verdict(self, requests: float) -> Verdict:
        """Whether so many requests of an attention rank fit at full length, of a single deployment.

        "only just" is between what the engine usually takes and the most that its releases and set-ups do.
        """
        if requests > self.requests:
            return "no"
        return "yes" if requests <= self.requests_low else "only just"

    def _requests(self, usable: Values) -> Values:
        return np.floor((usable - self.weights) / self.cache_per_request)


def gpu_memory(machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> GpuMemory:
    """The memory of one GPU of a deployment."""
    machine, arch = as_served(machine, engine, arch)
    weights = weights_per_gpu(machine, arch) + padding_bytes(machine, arch)
    weights += draft_weights(machine, arch) if engine.draft_tokens else 0.0
    return GpuMemory(
        room=room(
            engine.reserve,
            machine,
            arch,
            chunk_tokens=engine.chunk_tokens,
            weights=weights,
            memory_share=engine.memory_share,
        ),
        weights=weights,
        cache_per_request=request_bytes(machine, arch, workload.full_context),
    )


def largest_batch(machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> Values:
    """Requests of one attention rank whose full contexts fit, by what the engine usually leaves."""
    return gpu_memory(machine, engine, arch, workload).requests


def request_bytes(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Cache of one request on one GPU: each layer's over its shards, the deepest stage's share of the layers.

    Raises:
        ConfigError: No layer has a cache or a state of its own.
    """
    mixers = [member for group in arch.layers for member in group.mixer.members]
    kept = any(np.any(mixer.cache_values) or np.any(mixer.state_values) for mixer in mixers)
    require(kept, "cache", "kept by some layer: a draft is served with the model whose cache it reads", "none")
    return deepest_stage_share(arch, machine.layout.pp) * sum(
        kv_bytes(replace(arch, layers=(replace(group, mixer=member, reused=False),)), tokens, machine.kv_precision)
        / machine.cache_shards(member.cache_heads)
        for group in arch.layers
        for member in group.mixer.members
    )
