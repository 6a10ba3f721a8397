"""The front door of this package: latency, throughput and price of a model that is served."""

from dataclasses import asdict, dataclass

import numpy as np

from optimoe.arch.memory import kv_bytes, weight_bytes
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import InfeasibleError, InputError, holds, require
from optimoe.core.units import format_bytes
from optimoe.cost.accelerator import Cluster
from optimoe.cost.price import GpuPrice, usd_per_mtok
from optimoe.cost.roofline import Machine, decode_step, efficiency, prefill_step
from optimoe.cost.workload import Workload

INTERFERENCE = "prefill_of_others_s"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a deployment splits over its GPUs: ``dp`` replicas of ``tp`` GPUs each.

    ``ep`` and ``pp`` are 1: experts are split by width inside the tensor-parallel group.

    Raises:
        ConfigError: A degree is not positive.
    """

    tp: Values
    dp: Values
    ep: Values = 1
    pp: Values = 1

    def __post_init__(self) -> None:
        require(np.asarray(self.tp) > 0, "tp", "positive", self.tp)
        require(np.asarray(self.dp) > 0, "dp", "positive", self.dp)


@dataclass(frozen=True, kw_only=True)
class ServingEstimate:
    """A deployment at a number of requests in flight. Fields are numbers, or arrays over a grid.

    Attributes:
        layout: Degrees of parallelism.
        concurrency: Requests in flight over all replicas.
        max_batch: Most requests in flight whose full contexts fit the memory, over all replicas; below 1
            the weights do not fit.
        ttft_s: The running step, then a prompt's prefill and those that came with it.
        tpot_s: One decode step plus the prefills of other requests that fall between two tokens.
        tokens_per_s: Output tokens of the deployment.
        tokens_per_s_per_gpu: The same by GPU.
        usd_per_mtok: Dollars per million output tokens (prompts included in the price).
        parts: Seconds of TPOT by cause.
    """

    layout: Layout
    concurrency: Values
    max_batch: Values
    ttft_s: Values
    tpot_s: Values
    tokens_per_s: Values
    tokens_per_s_per_gpu: Values
    usd_per_mtok: Values
    parts: dict[str, Values]

    @property
    def bound_by(self) -> str:
        """The cause that takes the largest share of TPOT (of a single estimate, not of a grid)."""
        return max(self.parts, key=lambda cause: float(self.parts[cause])).removesuffix("_s").replace("_", " ")


def predict_serving(
    arch: ArchSpec,
    cluster: Cluster,
    workload: Workload,
    *,
    layout: Layout,
    concurrency: Values,
    price: GpuPrice,
    precision: str = "bf16",
    kv_precision: str = "bf16",
) -> ServingEstimate:
    """Serve a model with continuous batching, as a closed system of ``concurrency`` requests.

    A replica runs b = concurrency/dp requests. One step gives a token to each; per step b/output of them end
    and their successors' prompts stall the others:

        TTFT = t_decode(b) + √b·t_prefill       TPOT = t_decode(b) + (b − 1)/output · t_prefill
        tokens/s = concurrency · output / (TTFT + (output − 1)·TPOT)

    with t_decode at the mean context. A prompt waits for the running step and for the prompts that came with
    it, assumed to be √b, the fluctuation of b independent requests (alone it would be 1, all at once
    (b+1)/2). Not modelled: chunked prefill, prefix reuse. ``benchmarks/serving_accuracy.py`` measures the
    error. The layout and the concurrency may be arrays that broadcast against a grid of designs.

    Raises:
        ConfigError: tp does not divide the heads, or the layout does not use the cluster's GPUs.
        InputError: The accelerator lacks the precision.
    """
    check_layout(arch, cluster, layout)
    machine = Machine(gpu=cluster.accelerator, tp=layout.tp, precision=precision, kv_precision=kv_precision)
    return evaluate(arch, cluster, machine, workload, layout=layout, concurrency=concurrency, price=price)


def evaluate(
    arch: ArchSpec,
    cluster: Cluster,
    machine: Machine,
    workload: Workload,
    *,
    layout: Layout,
    concurrency: Values,
    price: GpuPrice,
) -> ServingEstimate:
    """:func:`predict_serving` without its checks, for grids in which some layouts do not apply."""
    batch = np.maximum(np.asarray(concurrency, dtype=float) / layout.dp, 1.0)
    decode = decode_step(machine, arch, batch, workload.mean_context)
    prefill_s = prefill_step(machine, arch, workload.input_tokens).total_s
    interference_s = (batch - 1) / workload.output_tokens * prefill_s
    ttft_s, tpot_s = decode.total_s + np.sqrt(batch) * prefill_s, decode.total_s + interference_s
    e2e_s = ttft_s + (workload.output_tokens - 1) * tpot_s
    tokens_per_s = concurrency * workload.output_tokens / e2e_s
    return ServingEstimate(
        layout=layout,
        concurrency=concurrency,
        max_batch=largest_batch(machine, arch, workload) * layout.dp,
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        tokens_per_s=tokens_per_s,
        tokens_per_s_per_gpu=tokens_per_s / cluster.num_gpus,
        usd_per_mtok=usd_per_mtok(cluster.num_gpus, price, tokens_per_s),
        parts={**asdict(decode), INTERFERENCE: interference_s},
    )


def tpot_band(tpot_s: Values) -> tuple[Values, Values]:
    """TPOT over the 95 % and 5 % quantiles of predicted/measured (``efficiency.toml``, [tpot_error])."""
    low, high = load_facts("optimoe.cost", "efficiency.toml")["tpot_error"]["value"]
    return tpot_s / high, tpot_s / low


def largest_batch(machine: Machine, arch: ArchSpec, workload: Workload) -> Values:
    """Requests whose full contexts fit one replica; a lower estimate, since few are at their end at once.

    (0.9·memory·tp − weights) / (cache of prompt + answer), whole requests; the cache spreads over
    min(tp, key-value heads) GPUs. Zero or less: the weights do not fit.
    """
    shards = machine.kv_shards(arch.layers[0].mixer.cache_heads)
    usable = machine.gpu.memory_bytes * efficiency("usable_memory")
    weights_per_gpu = weight_bytes(count_params(arch), machine.precision) / machine.tp
    cache_per_gpu = kv_bytes(arch, workload.full_context, machine.kv_precision) / shards
    return np.floor((usable - weights_per_gpu) / cache_per_gpu)


def require_fits(arch: ArchSpec, cluster: Cluster, estimate: ServingEstimate, precision: str) -> None:
    """Refuse a single estimate whose weights or requests do not fit the memory.

    Raises:
        InfeasibleError: Says what does not fit and what would.
    """
    if holds(estimate.max_batch >= estimate.concurrency):
        return
    usable = cluster.accelerator.memory_bytes * efficiency("usable_memory")
    weights = weight_bytes(count_params(arch), precision)
    if holds(estimate.max_batch < 1):
        needed = int(np.ceil(weights / usable))
        raise InfeasibleError(
            f"memory: {format_bytes(weights)} of {precision} weights and one request's cache do not fit "
            f"tp {estimate.layout.tp} × {format_bytes(usable)}: take more GPUs (at least {needed}), "
            "a larger tp or a lower --precision"
        )
    raise InfeasibleError(
        f"memory: {estimate.concurrency:.0f} requests do not fit, the largest batch is "
        f"{estimate.max_batch:.0f}: lower --concurrency, or take more GPUs or a lower --kv-precision"
    )


def check_layout(arch: ArchSpec, cluster: Cluster, layout: Layout) -> None:
    """Refuse a layout that does not use the GPUs or does not divide the heads.

    Raises:
        ConfigError, InputError: With the limit and the value.
    """
    require(
        np.asarray(layout.tp * layout.dp) == cluster.num_gpus,
        "tp × dp",
        f"the number of GPUs, {cluster.num_gpus}",
        f"{layout.tp} × {layout.dp}",
    )
    for group in arch.layers:
        heads = group.mixer.tp_heads
        if not holds(np.asarray(heads % layout.tp) == 0):
            raise InputError(f"tp: must divide num_heads = {heads}, got {layout.tp}")
