"""Dense equivalent by the full cost model: the dense size that costs as much to serve, for every regime.

The rule of thumb, :mod:`optimoe.cost.published.epoch_rules`, knows E, A and P alone. Here a model and a ladder
of dense models (gated feed-forward, 8 key-value heads) are served on the same GPUs, each in its best layout, and
the size is interpolated at which the dense ladder costs what the model costs.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from optimoe.arch.design import DesignTarget, design
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags
from optimoe.cost.layers.layout import Layout
from optimoe.cost.published.epoch_rules import DenseEquivalent
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.memory import largest_batch
from optimoe.cost.serving.step import StepTime, decode_step, prefill_step
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.layouts import MOST_REQUESTS

LADDER = tuple(float(size) for size in np.geomspace(3e8, 3e12, 25))
"""Total parameters of the dense models of comparison."""

PROMPT, ANSWER, SHORT_CONTEXT, LONG_CONTEXT = 8192, 256, 1024, 131_072


@dataclass(frozen=True, kw_only=True)
class CostParts:
    """What a token costs in one regime, by the five components of the rule of thumb; infinite where nothing fits.

    Attributes:
        arithmetic_s: Kernels that arithmetic binds.
        weight_reads_s: Kernels that the reads of weights bind, experts and what comes from a host included.
        depth_s: What grows with the number of layers alone: launches, and the engine's own time per step.
        network_s: All-reduces, dispatch and combine of experts, and what pipeline stages send.
        attention_s: Kernels that the reads of the cache bind.
    """

    arithmetic_s: float
    weight_reads_s: float
    depth_s: float
    network_s: float
    attention_s: float

    @property
    def total_s(self) -> float:
        """Seconds of a token, all components together."""
        return float(sum(getattr(self, field.name) for field in fields(self)))


@dataclass(frozen=True, kw_only=True)
class ServingCosts:
    """What a model costs in each regime.

    Attributes:
        prefill: GPU seconds per token of a prompt of 8,192.
        slow_decode: GPU seconds per output token at 1,024 tokens of cached context, the cheapest batch.
        fast_decode: Seconds per output token of a single request on all GPUs: TPOT.
        long_context: GPU seconds per output token at 131,072 tokens of cached context, the cheapest batch.
    """

    prefill: CostParts
    slow_decode: CostParts
    fast_decode: CostParts
    long_context: CostParts

    @property
    def fits(self) -> bool:
        """Whether any layout holds the model and one short request."""
        return bool(np.isfinite(self.prefill.total_s))


def serving_costs(arch: ArchSpec, deployment: Deployment) -> ServingCosts:
    """Costs of a model in each regime, each in its best layout on the GPUs; requests and limits do not matter.

    Decoding is decoding alone: no prompt is read between two steps.
    """
    layouts = every_layout(arch, deployment)
    machine, engine = deployment.machine(layouts), deployment.engine
    prompt = prefill_step(machine, engine, arch, PROMPT).times(layouts.tp / PROMPT)
    fits = np.asarray(largest_batch(machine, engine, arch, _cached(SHORT_CONTEXT)) >= 1)
    return ServingCosts(
        prefill=_cheapest(prompt, fits),
        slow_decode=_full_batch(arch, deployment, layouts, _cached(SHORT_CONTEXT)),
        fast_decode=fastest_decode(arch, deployment, requests=1),
        long_context=_full_batch(arch, deployment, layouts, _cached(LONG_CONTEXT)),
    )


def fastest_decode(arch: ArchSpec, deployment: Deployment, requests: float) -> CostParts:
    """Seconds per output token, TPOT, of so many requests on all GPUs in the layout that is fastest for them.

    At 1,024 tokens of cached context. Infinite where they fit in no layout.
    """
    layouts, workload = every_layout(arch, deployment), _cached(SHORT_CONTEXT)
    machine, engine = deployment.machine(layouts), deployment.engine
    batch = np.maximum(requests / np.asarray(layouts.dp), 1.0)
    step = decode_step(machine, engine, arch, batch, workload.mean_context)
    return _cheapest(step, np.asarray(largest_batch(machine, engine, arch, workload)) >= batch)


def full_dense_equivalent(costs: ServingCosts, ladder: list[ServingCosts]) -> DenseEquivalent:
    """Dense equivalent of a model: sizes at which the dense ladder costs what it costs, log-log between its steps.

    NaN in a regime where the model does not fit, or where no dense model that fits costs as much.

    Args:
        costs: Of the model.
        ladder: Of the dense models of :data:`LADDER` on the same GPUs.
    """
    return DenseEquivalent(
        **{
            field.name: size_at(
                getattr(costs, field.name).total_s, [getattr(step, field.name).total_s for step in ladder]
            )
            for field in fields(DenseEquivalent)
        }
    )


def dense_ladder(deployment: Deployment) -> list[ServingCosts]:
    """What the dense models of :data:`LADDER` cost on the GPUs of a deployment."""
    return [serving_costs(model, deployment) for model in dense_models()]


@cache
def dense_models() -> tuple[ArchSpec, ...]:
    """The dense models of comparison, one a size of :data:`LADDER`."""
    return tuple(design(DesignTarget(target="params_total", value=size), name="dense") for size in LADDER)


def size_at(cost: float, ladder: list[float]) -> float:
    """The size with a cost. A larger model may cost a little less (fewer launches): the ladder is made to rise."""
    known = np.isfinite(ladder)
    if not np.isfinite(cost) or not known.any():
        return float("nan")
    rising = np.maximum.accumulate(np.array(ladder)[known])
    sizes = np.log(LADDER)[known]
    size = np.interp(np.log(cost), np.log(rising), sizes, left=np.nan, right=np.nan)
    return float(np.exp(size))


def _full_batch(arch: ArchSpec, deployment: Deployment, layouts: Layout, workload: Workload) -> CostParts:
    """GPU seconds of a token at the largest batch that fits: gpus · step / (requests in flight)."""
    machine, engine = deployment.machine(layouts), deployment.engine
    most = np.asarray(largest_batch(machine, engine, arch, workload))
    batch = np.clip(most, 1.0, MOST_REQUESTS)
    step = decode_step(machine, engine, arch, batch, workload.mean_context)
    return _cheapest(step.times(deployment.cluster.num_gpus / (batch * layouts.dp)), most >= 1)


def _cheapest(step: StepTime, fits: Flags) -> CostParts:
    """The components of the layout that costs least among those that fit."""
    total = np.where(fits, step.total_s, np.inf)
    if np.isinf(total).all():
        return CostParts(**{field.name: np.inf for field in fields(CostParts)})
    best = int(np.argmin(total))

    def seconds(*causes: str) -> float:
        return float(sum(np.broadcast_to(getattr(step, cause), total.shape)[best] for cause in causes))

    return CostParts(
        arithmetic_s=seconds("compute_s"),
        weight_reads_s=seconds("weight_reads_s", "expert_reads_s", "host_reads_s"),
        depth_s=seconds("launch_s"),
        network_s=seconds("all_reduce_s", "all_to_all_s", "pipeline_s"),
        attention_s=seconds("kv_reads_s"),
    )


def _cached(tokens: int) -> Workload:
    return Workload(input_tokens=tokens, output_tokens=ANSWER, prefix_hit=1.0)
