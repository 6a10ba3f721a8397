"""What Yun 2024's prices rest on: the memory that weights leave to the cache."""

from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.core.grid import take
from optimoe.cost.facts import efficiency
from optimoe.cost.hardware.price import usd_per_mtok
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import gpu_memory
from optimoe.planner.designs import Column, Pool

FULL_SHARE = 0.5
"""Assumed: a memory is full where weights take more than half of it. Then the cache, which sets the batch, has
less than they have, and twice the GPUs hold more than three times the requests."""


@dataclass(frozen=True, kw_only=True)
class YunBox:
    """The GPUs that serve one design cheapest.

    Attributes:
        num_gpus: GPUs of the instance.
        weights_share: Share of the memory an engine can use that weights take.
        batch: Requests in flight whose full contexts fit beside them.
    """

    num_gpus: int
    weights_share: float
    batch: float

    @property
    def full(self) -> bool:
        """Whether weights take more than half of the memory."""
        return self.weights_share > FULL_SHARE


def box_of(pool: Pool, index: int) -> YunBox:
    """The GPUs that serve a design cheapest, and how full they are."""
    which = int(pool.cheapest[index])
    deployment, serving = pool.problem.deployments[which], take(pool.servings[which], index)
    machine = deployment.machine(serving.layout)
    memory = gpu_memory(machine, deployment.engine, pool.grid.at(index), deployment.workload)
    return YunBox(
        num_gpus=deployment.cluster.num_gpus,
        weights_share=float(memory.weights / memory.usable),
        batch=float(serving.max_batch),
    )


def memory_bound(pool: Pool) -> Pool:
    """Price a pool by memory alone, as their eq. 6: C = min over G of G·C0·t/b.

    b = (G·M0 − weights)/cache of a request at its mean length; a step reads weights and caches, which fill the
    memory, so that t = M0/bandwidth whatever the model. Then the price follows the cache of a token, hl ∝ N^(2/3),
    until weights take a share of G·M0 that counts. M0 is what an engine can use.
    """
    servings = tuple(
        _by_memory(pool, deployment, serving)
        for deployment, serving in zip(pool.problem.deployments, pool.servings, strict=True)
    )
    cheapest = np.argmin([np.asarray(serving.usd_per_mtok) for serving in servings], axis=0)
    return replace(pool, servings=servings, cheapest=cheapest)


def _by_memory(pool: Pool, deployment: Deployment, serving: ServingEstimate) -> ServingEstimate:
    gpu, num_gpus = deployment.cluster.accelerator, deployment.cluster.num_gpus
    usable = gpu.memory_bytes * efficiency("usable_memory")
    precision = deployment.engine.execution.precision
    weights = np.asarray(count_params(pool.grid).total) * bytes_per_value(precision)
    cache = kv_bytes(pool.grid, deployment.workload.mean_context, deployment.cache_format(pool.grid))
    batch: Column = np.maximum((num_gpus * usable - weights) / cache, 0.0)
    rate = np.where(batch >= 1, batch * gpu.memory_bytes_per_s / usable, 0.0)
    usd = usd_per_mtok(num_gpus, deployment.price, np.where(rate > 0, rate, 1.0))
    return replace(serving, tokens_per_s=rate, max_batch=batch, usd_per_mtok=np.where(rate > 0, usd, np.inf))
