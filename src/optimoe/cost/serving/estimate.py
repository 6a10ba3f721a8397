"""The front door of this package: latency, throughput and price of a model that is served."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import holds, require
from optimoe.core.results.shown import Drawn
from optimoe.core.units import format_bytes, format_seconds, format_usd
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.formats import format_words
from optimoe.cost.engines.served import as_served, cache_format, in_formats
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import GpuPrice, usd_per_mtok
from optimoe.cost.layers.layout import Layout, check_layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.load import OpenSystem, open_arrivals
from optimoe.cost.serving.memory import gpu_memory
from optimoe.cost.serving.prompts import PromptSeconds, accepted_tokens, prompt_work
from optimoe.cost.serving.step import StepTime, decode_kernels, decode_step, decode_with_host
from optimoe.cost.serving.systems.batching import ClosedSystem, Rounds, StepSeconds, closed_system
from optimoe.cost.serving.systems.ranks import LockStep
from optimoe.cost.serving.systems.runs import FiniteRun, Queue, finite_run, run_seconds
from optimoe.cost.serving.workload import Limits, Workload

INTERFERENCE = "prefill_of_others_s"
WAITING = "wait_for_ranks_s"
RANDOM = "random_arrivals_s"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Everything about serving but the model and its layout.

    Attributes:
        cluster: The GPUs.
        workload: The requests.
        price: Price of a GPU hour.
        limits: On latency.
        engine: The software that serves.

    Raises:
        ConfigError: TPOT is limited, but answers have one token; or a limit is on a percentile of requests that do
            not come at random.
    """

    cluster: Cluster
    workload: Workload
    price: GpuPrice
    limits: Limits = field(default_factory=Limits)
    engine: Engine = field(default_factory=Engine)

    def __post_init__(self) -> None:
        limited = self.limits.tpot_s < np.inf
        require(
            self.workload.decodes or not limited,
            "tpot",
            "left out where answers have one token: nothing follows it",
            self.limits.tpot_s,
        )
        require(
            self.workload.arrivals == "closed" or not self.limits.on_percentiles,
            "arrivals",
            "left out beside a limit on a percentile, under which requests come at random",
            self.workload.arrivals,
        )

    def machine(self, layout: Layout) -> Machine:
        """The GPUs of the deployment under a layout, running their kernels as its engine does."""
        return Machine(gpu=self.cluster.accelerator, layout=layout, execution=self.engine.execution)

    def serves(self, arch: ArchSpec) -> ArchSpec:
        """The model in the formats in which it is served."""
        return in_formats(arch, self.engine.execution)

    def cache_format(self, arch: ArchSpec) -> str:
        """Format of the cache of a model."""
        return cache_format(self.serves(arch), self.engine)


@dataclass(frozen=True, kw_only=True)
class ServingEstimate(Drawn):
    """A deployment at a number of requests in flight. Fields are numbers, or arrays over a grid.

    Attributes:
        layout: Degrees of parallelism.
        concurrency: Requests in flight over all replicas.
        max_batch: Most requests in flight whose full contexts fit the memory, over all replicas; below 1
            the weights do not fit.
        ttft_s: Mean time to first token: queue, running step, prompts read before, own prompt, front end. Under
            limits on percentiles requests come at random, and it is the stated percentile where there is one.
        tpot_s: Mean time per token after the first, (e2e − TTFT)/(output − 1): one decode step, plus the
            prefills of other requests that fall between two tokens, and the wait for attention ranks whose
            prompts take longer; 0 where answers have one token. Under limits on percentiles as TTFT is.
        tokens_per_s: Output tokens of the deployment; 0 where under random arrivals the queue would not end.
        tokens_per_s_per_gpu: Output tokens of the deployment over its GPUs.
        usd_per_mtok: Dollars per million output tokens (prompts included in the price).
        parts: Seconds of TPOT by cause.
        run: The whole run, where it ends: of a static batch, whose TTFT is that of its last prompt and whose
            TPOT is a decoding step; or offline, with TTFT counted from when a request's place is free.
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
    run: FiniteRun | None = None

    def __repr__(self) -> str:
        """Latency, throughput and price in one line; of a grid its shape."""
        if np.ndim(self.tpot_s):
            return f"ServingEstimate(a grid of shape {np.shape(self.tpot_s)})"
        return (
            f"ServingEstimate({self.concurrency:g} in flight of {self.max_batch:.0f}, "
            f"TTFT {format_seconds(float(self.ttft_s))}, TPOT {format_seconds(float(self.tpot_s))}, "
            f"{self.tokens_per_s:,.0f} tokens/s, {format_usd(float(self.usd_per_mtok))}/Mtok)"
        )

    @property
    def at_random(self) -> bool:
        """Whether requests come at random, and not each when another ends."""
        return RANDOM in self.parts

    @property
    def bound_by(self) -> str:
        """The cause that takes the largest share of TPOT (of a single estimate, not of a grid)."""
        return max(self.parts, key=lambda cause: float(self.parts[cause])).removesuffix("_s").replace("_", " ")


def predict_serving(
    arch: ArchSpec, deployment: Deployment, *, layout: Layout, concurrency: Values
) -> ServingEstimate:
    """Serve a model with continuous batching, as a closed system of ``concurrency`` requests.

    An attention rank runs b = concurrency/dp requests. One step, at the mean context, gives a token to each, or
    the accepted ones with speculative decoding; TTFT and TPOT follow from it and from the time of a prompt by
    :func:`~optimoe.cost.serving.systems.batching.closed_system`, and tokens/s = concurrency · output/e2e.

    The layout and the concurrency may be arrays that broadcast against a grid of designs.
    ``benchmarks/serving_accuracy.py`` measures the error.

    Raises:
        ConfigError: The layout does not divide the model or use the cluster's GPUs.
        UnknownNameError: No such precision.
    """
    check_layout(arch, deployment.cluster.num_gpus, layout)
    return evaluate(arch, deployment, layout=layout, concurrency=concurrency)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What does not depend on the batch: computed once where a search tries many.

    Attributes:
        arch: The model or the grid, in the formats in which it is served.
        machine: The GPUs, the layout, and how kernels run.
        fits: Requests of an attention rank that the memory holds.
        places: Those that run at once: as many as fit or, of a deployment that is asked for though by what its
            engine usually takes none does, as many as the least leaves.
        ranks: Its attention ranks that end every step together.
    """

    arch: ArchSpec
    machine: Machine
    fits: Values
    places: Values
    ranks: LockStep


def prepare(arch: ArchSpec, deployment: Deployment, layout: Layout) -> Prepared:
    """The part of :func:`evaluate` that all batches share."""
    machine, arch = as_served(deployment.machine(layout), deployment.engine, arch)
    memory = gpu_memory(machine, deployment.engine, arch, deployment.workload)
    return Prepared(
        arch=arch,
        machine=machine,
        fits=memory.requests,
        places=np.where(memory.requests >= 1, memory.requests, memory.requests_high),
        ranks=LockStep.of(machine, deployment.engine, arch, deployment.workload),
    )


def steps_of(
    arch: ArchSpec, deployment: Deployment, machine: Machine, running: Values
) -> tuple[StepTime, PromptSeconds]:
    """A decode step of ``running`` requests of a rank, and what a prompt takes among them."""
    workload, engine = deployment.workload, deployment.engine
    kernels = decode_kernels(machine, engine, arch, running, workload.mean_context)
    decode = decode_with_host(machine, engine, arch, running, workload.mean_context, kernels)
    return decode, prompt_work(machine, engine, arch, workload, running, kernels).seconds(engine)


def evaluate(arch: ArchSpec, deployment: Deployment, *, layout: Layout, concurrency: Values) -> ServingEstimate:
    """:func:`predict_serving` without its checks, for grids in which some layouts do not apply."""
    return evaluate_at(prepare(arch, deployment, layout), deployment, concurrency)


def evaluate_at(ready: Prepared, deployment: Deployment, concurrency: Values) -> ServingEstimate:
    """:func:`evaluate` where all that batches share is known."""
    arch, layout = ready.arch, ready.machine.layout
    workload, engine, num_gpus = deployment.workload, deployment.engine, deployment.cluster.num_gpus
    most = workload.num_requests if workload.arrivals == "offline" else np.inf
    in_flight = np.minimum(np.asarray(concurrency, dtype=float), most)
    batch = np.maximum(in_flight / layout.dp, 1.0)
    running = np.clip(batch, 1.0, np.maximum(ready.places, 1.0))
    decode, prompt = steps_of(arch, deployment, ready.machine, running)
    token = decode.times(1 / accepted_tokens(engine))
    step = StepSeconds(
        decode_s=decode.total_s,
        token_s=token.total_s,
        prefill_s=prompt.own_s,
        stage_s=prompt.stall_s,
        together=prompt.together,
    )
    ranks, rounds = ready.ranks.at(in_flight / layout.dp), _rounds(deployment)
    system = closed_system(rounds, step, batch=batch, running=running, ranks=ranks)
    tokens_per_s = concurrency * workload.output_tokens / system.e2e_s
    ended = None
    if workload.arrivals != "closed":
        ended = _run(deployment, ready, step, in_flight=in_flight, running=running)
        tokens_per_s = ended.output_tokens_per_s
        if workload.arrivals == "static":
            system = _static(system, ended, workload)
    closed = ServingEstimate(
        layout=layout,
        concurrency=concurrency,
        max_batch=ready.fits * layout.dp,
        ttft_s=system.ttft_s,
        tpot_s=system.tpot_s,
        tokens_per_s=tokens_per_s,
        tokens_per_s_per_gpu=tokens_per_s / num_gpus,
        usd_per_mtok=usd_per_mtok(num_gpus, deployment.price, tokens_per_s),
        parts=_parts(token if workload.decodes else token.times(0.0), system),
        run=ended,
    )
    if not deployment.limits.on_percentiles:
        return closed
    load = open_arrivals(
        ready.machine,
        engine,
        arch,
        workload,
        deployment.limits,
        running=running,
        places=ready.fits,
        ranks=ready.ranks,
        token_s=token.total_s + system.ranks_s,
        prompt=prompt,
    )
    return _under_load(deployment, closed, load, ready.fits)


def _parts(token: StepTime, system: ClosedSystem) -> dict[str, Values]:
    """Seconds of a token by cause, those that it waits for others among them."""
    causes = {cause.name: getattr(token, cause.name) for cause in fields(token)}
    return causes | {INTERFERENCE: system.stall_s, WAITING: system.ranks_s}


def _rounds(deployment: Deployment) -> Rounds:
    """The rounds of a deployment's requests; those that come at random are never in step."""
    workload = deployment.workload
    if deployment.limits.on_percentiles:
        workload = replace(workload, fixed_lengths=False, rounds=np.inf)
    return Rounds.of(deployment.engine, workload)


def _static(system: ClosedSystem, ended: FiniteRun, workload: Workload) -> ClosedSystem:
    """The latency of a static batch: all prompts first, then all steps, nobody in the others' way."""
    steps = max(workload.output_tokens - 1, 1)
    pace_s = ended.decode_s / steps if workload.decodes else 0.0 * ended.decode_s
    return replace(system, ttft_s=ended.prefill_s, tpot_s=pace_s, stall_s=0.0, ranks_s=0.0)


def _under_load(
    deployment: Deployment, closed: ServingEstimate, load: OpenSystem, places: Values
) -> ServingEstimate:
    """The same requests in flight, in the mean of random arrivals: their latency and their rate.

    A rank carries no more than it does when always full, and needs a place free: else its queue never ends.
    """
    workload, num_gpus = deployment.workload, deployment.cluster.num_gpus
    free = np.asarray(load.running < np.floor(places))
    carried = np.minimum(load.requests_per_s * closed.layout.dp * workload.output_tokens, closed.tokens_per_s)
    tokens_per_s = np.where(free, carried, 0.0)
    usd = usd_per_mtok(num_gpus, deployment.price, np.where(free, tokens_per_s, 1.0))
    tpot_s = load.tpot_s if workload.decodes else 0.0 * load.tpot_s
    parts = {**closed.parts, RANDOM: np.maximum(tpot_s - closed.tpot_s, 0.0)}
    return replace(
        closed,
        ttft_s=np.where(free, load.ttft_s, np.inf),
        tpot_s=tpot_s,
        tokens_per_s=tokens_per_s,
        tokens_per_s_per_gpu=tokens_per_s / num_gpus,
        usd_per_mtok=np.where(free, usd, np.inf),
        parts=parts,
    )


def _run(
    deployment: Deployment,
    ready: Prepared,
    step: StepSeconds,
    *,
    in_flight: Values,
    running: Values,
) -> FiniteRun:
    """The static batch, or the queue of an offline run dealt evenly over the ranks."""
    workload, engine, dp = deployment.workload, deployment.engine, ready.machine.layout.dp
    number = workload.num_requests if workload.arrivals == "offline" else in_flight
    queue = Queue(
        num_requests=np.maximum(number / np.asarray(dp, dtype=float), 1.0),
        running=running,
        least_s=decode_step(ready.machine, engine, ready.arch, 1.0, workload.mean_context).total_s,
        reading_steps=running * workload.prefill_tokens / engine.chunk_tokens,
        riding=not engine.prefill_first,
    )
    seconds = run_seconds(Rounds.of(engine, workload), step, queue, ready.ranks.at(in_flight / dp))
    return finite_run(workload, number, seconds)


def memory_shortage(arch: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> str:
    """One line on why a single estimate does not fit the memory: what is too large, and what would fit."""
    share = _share_that_fits(arch, deployment, estimate)
    if holds(estimate.max_batch >= 1):
        return (
            f"memory: {estimate.concurrency:.0f} requests do not fit, the largest batch is "
            f"{estimate.max_batch:.0f}: lower --concurrency, or take more GPUs or a lower --kv-precision{share}"
        )
    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, arch, deployment.workload)
    needed = memory.weights + memory.cache_per_request
    least = int(np.ceil(needed * deployment.cluster.num_gpus / memory.usable))
    enough = "the least that the engine is known to take would leave enough"
    perhaps = f" ({enough})" if memory.requests_high >= 1 else ""
    return (
        f"memory: {format_bytes(memory.weights)} of {_weights(deployment.serves(arch))} and "
        f"{format_bytes(memory.cache_per_request)} of one request's cache exceed the "
        f"{format_bytes(memory.usable)} that the engine leaves of a GPU's {format_bytes(memory.room.visible)}"
        f"{perhaps}: take more GPUs (about {least}), a larger tp or ep, or a lower --precision{share}"
    )


LARGEST_SHARE = 0.98
"""Beyond it a process's context and captured graphs have no room (H100: 1.7 GB of 85)."""


def _share_that_fits(arch: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> str:
    """The least share of memory, by hundredths, at which the requests would fit, as an option; or nothing."""
    machine, requests = deployment.machine(estimate.layout), estimate.concurrency / estimate.layout.dp
    for share in np.arange(0.91, LARGEST_SHARE + 0.001, 0.01):
        engine = replace(deployment.engine, memory_share=float(share))
        if share > deployment.engine.memory_share and holds(
            gpu_memory(machine, engine, arch, deployment.workload).requests >= requests
        ):
            return f", or --memory-share {share:.2f}"
    return ""


def _weights(served: ArchSpec) -> str:
    """Weights by their formats: ``bf16 weights``, or ``weights (experts mxfp4, rest bf16)``."""
    words = format_words(served)
    return f"{words} weights" if words.isalnum() else f"weights ({words})"
