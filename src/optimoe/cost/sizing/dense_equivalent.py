"""Dense equivalent by the full cost model: the dense size that costs as much to serve, for every regime.

The rule of thumb, :mod:`optimoe.cost.published.epoch_rules`, knows E, A and P alone. Here a model and a ladder
of dense models (gated feed-forward, 8 key-value heads) are served on the same GPUs, each in its best layout, and
the size is interpolated at which the dense ladder costs what the model costs.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from optimoe.arch.design import DesignTarget, design
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.cost.layers.layout import Layout
from optimoe.cost.published.epoch_rules import DenseEquivalent
from optimoe.cost.serving.estimate import Deployment, evaluate
from optimoe.cost.serving.step import prefill_step
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.layouts import cheapest_serving

LADDER = tuple(float(size) for size in np.geomspace(3e8, 3e12, 25))
"""Total parameters of the dense models of comparison."""

PROMPT, ANSWER, SHORT_CONTEXT, LONG_CONTEXT = 8192, 256, 1024, 131_072


@dataclass(frozen=True, kw_only=True)
class ServingCosts:
    """What a model costs in each regime; infinite where it does not fit the GPUs.

    Attributes:
        prefill: GPU seconds per token of a prompt of 8,192.
        slow_decode: GPU seconds per output token at 1,024 tokens of cached context, the cheapest batch.
        fast_decode: Seconds per output token of a single request on all GPUs: TPOT.
        long_context: GPU seconds per output token at 131,072 tokens of cached context, the cheapest batch.
    """

    prefill: float
    slow_decode: float
    fast_decode: float
    long_context: float


def serving_costs(arch: ArchSpec, deployment: Deployment) -> ServingCosts:
    """Costs of a model in each regime, each in its best layout on the GPUs; requests and limits do not matter."""
    layouts = every_layout(arch, deployment)
    short, long = (
        replace(deployment, limits=Limits(), workload=_cached(n)) for n in (SHORT_CONTEXT, LONG_CONTEXT)
    )
    alone = evaluate(arch, short, layout=layouts, concurrency=np.ones(layouts.tp.shape))
    fits = np.asarray(alone.max_batch >= 1)
    if not fits.any():
        return ServingCosts(**{field.name: np.inf for field in fields(ServingCosts)})
    machine = deployment.machine(layouts)
    prompt_s = layouts.tp * np.asarray(prefill_step(machine, deployment.engine, arch, PROMPT).total_s) / PROMPT
    return ServingCosts(
        prefill=float(np.min(prompt_s[fits])),
        slow_decode=_gpu_s_per_token(arch, short, layouts),
        fast_decode=float(np.min(np.asarray(alone.tpot_s)[fits])),
        long_context=_gpu_s_per_token(arch, long, layouts),
    )


def full_dense_equivalent(arch: ArchSpec, deployment: Deployment, ladder: list[ServingCosts]) -> DenseEquivalent:
    """Dense equivalent of a model: sizes at which the dense ladder costs what it costs, log-log between its steps.

    NaN in a regime where the model does not fit, or where no dense model that fits costs as much.

    Raises:
        InfeasibleError: The model does not fit the GPUs in any layout.
    """
    own = serving_costs(arch, deployment)
    if np.isinf(own.prefill):
        raise InfeasibleError(f"memory: {arch.name} does not fit {deployment.cluster.num_gpus} GPUs: take more")
    return DenseEquivalent(
        **{
            field.name: _size_at(getattr(own, field.name), [getattr(step, field.name) for step in ladder])
            for field in fields(DenseEquivalent)
        }
    )


def dense_ladder(deployment: Deployment) -> list[ServingCosts]:
    """What the dense models of :data:`LADDER` cost on the GPUs of a deployment."""
    return [
        serving_costs(design(DesignTarget(target="params_total", value=size), name="dense"), deployment)
        for size in LADDER
    ]


def _size_at(cost: float, ladder: list[float]) -> float:
    """The size with a cost. A larger model may cost a little less (fewer launches): the ladder is made to rise."""
    known = np.isfinite(ladder)
    if not np.isfinite(cost) or not known.any():
        return float("nan")
    rising = np.maximum.accumulate(np.array(ladder)[known])
    sizes = np.log(LADDER)[known]
    size = np.interp(np.log(cost), np.log(rising), sizes, left=np.nan, right=np.nan)
    return float(np.exp(size))


def _gpu_s_per_token(arch: ArchSpec, deployment: Deployment, layouts: Layout) -> float:
    best = cheapest_serving(arch, deployment, layouts)
    return float(deployment.cluster.num_gpus / best.tokens_per_s) if best.tokens_per_s > 0 else float("inf")


def _cached(tokens: int) -> Workload:
    return Workload(input_tokens=tokens, output_tokens=ANSWER, prefix_hit=1.0)
