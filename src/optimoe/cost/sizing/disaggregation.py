"""Prefill and decoding on GPUs of their own: two pools whose rates match, and the cache that goes between them."""

from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.memory import kv_bytes
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import InfeasibleError, require, require_positive
from optimoe.core.grid import broadcast, take
from optimoe.cost.hardware.price import usd_per_mtok
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, prepare
from optimoe.cost.serving.prompts import prompt_alone
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.candidates import every_layout
from optimoe.cost.sizing.feasibility import why_nothing_serves
from optimoe.cost.sizing.layouts import best_serving

PREFILL_LOAD = 0.8
"""Share of the time that prefill GPUs are busy (assumed); a prompt then waits twice its own time (M/D/1)."""


@dataclass(frozen=True, kw_only=True)
class Disaggregated:
    """A prefill unit and a decode unit, and how many GPUs of each a request rate takes.

    Attributes:
        prefill_layout, decode_layout: Layout of one unit each.
        prefill_gpus_per_request, decode_gpus_per_request: GPU seconds that one request takes in each pool.
        running: Requests of a decode unit.
        ttft_s: Queue, prefill, and the sending of the cache.
        tpot_s: A decode step; no prompt stalls it.
        transfer_s: The cache over the network.
        tokens_per_s_per_gpu: Output tokens, both pools together.
        usd_per_mtok: Dollars per million output tokens.
        input_tokens, output_tokens: Prompt and answer of a request.
    """

    prefill_layout: Layout
    decode_layout: Layout
    prefill_gpus_per_request: float
    decode_gpus_per_request: float
    running: float
    ttft_s: float
    tpot_s: float
    transfer_s: float
    tokens_per_s_per_gpu: float
    usd_per_mtok: float
    input_tokens: int
    output_tokens: int

    @property
    def prefill_requests_per_s(self) -> float:
        """Requests that one unit prefills in a second, busy for :data:`PREFILL_LOAD` of it."""
        return float(self.prefill_layout.num_gpus) / self.prefill_gpus_per_request

    @property
    def decode_requests_per_s(self) -> float:
        """Requests that one unit decodes in a second."""
        return float(self.decode_layout.num_gpus) / self.decode_gpus_per_request

    @property
    def prefill_tokens_per_s_per_gpu(self) -> float:
        """Tokens of prompts that one prefill GPU reads in a second, those in a prefix cache among them."""
        return self.input_tokens / self.prefill_gpus_per_request

    @property
    def decode_tokens_per_s_per_gpu(self) -> float:
        """Tokens of answers that one decode GPU writes in a second."""
        return self.output_tokens / self.decode_gpus_per_request

    @property
    def prefill_share(self) -> float:
        """Share of the GPUs that prefill."""
        return self.prefill_gpus_per_request / (self.prefill_gpus_per_request + self.decode_gpus_per_request)


def disaggregate(arch: ArchSpec, deployment: Deployment) -> Disaggregated:
    """The pair of units, each within the deployment's GPUs, with the most output tokens per GPU in the limits.

    A prefill unit reads prompts one after the other, busy for :data:`PREFILL_LOAD` of the time: a prompt waits
    load/(2·(1 − load)) times its own time (M/D/1). Its cache then goes over the network of its GPUs. A decode unit
    runs as a closed system without prompts. A request takes T_prefill·GPUs/load and output·TPOT·GPUs/b GPU
    seconds; the pools are sized so that both keep up.

    Raises:
        InfeasibleError: No unit of one kind keeps its limit; says which binds.
        ConfigError: A limit is on a percentile.
    """
    limits = deployment.limits
    percentiles = max(limits.ttft_percentile, limits.tpot_percentile)
    require(percentiles == 0, "ttft, tpot", "limits on means where prefill has its own GPUs", percentiles)
    layouts, ttft_s, gpu_s, transfer_s = _prefill(arch, deployment)
    kept = np.isfinite(ttft_s) & (ttft_s <= limits.ttft_s)
    if np.isinf(ttft_s).all():
        raise InfeasibleError(
            why_nothing_serves(arch, replace(deployment, limits=Limits()), layouts, concurrency=1)
        )
    if not kept.any():
        raise InfeasibleError(
            f"ttft: the limit binds; the fastest prefill unit reaches {np.min(ttft_s):.3g} s "
            f"(--ttft {np.min(ttft_s) * 1.01:.3g} would lift it)"
        )
    best = int(np.where(kept, gpu_s, np.inf).argmin())
    cached = replace(deployment.workload, prefix_hit=1.0)
    decoding = replace(deployment, workload=cached, limits=Limits(tpot_s=limits.tpot_s))
    decode = best_serving(arch, decoding)
    decode_gpu_s = deployment.workload.output_tokens * deployment.cluster.num_gpus / float(decode.tokens_per_s)
    per_gpu = deployment.workload.output_tokens / (float(gpu_s[best]) + decode_gpu_s)
    return Disaggregated(
        prefill_layout=take(broadcast(layouts), best),
        decode_layout=decode.layout,
        prefill_gpus_per_request=float(gpu_s[best]),
        decode_gpus_per_request=decode_gpu_s,
        running=float(decode.concurrency),
        ttft_s=float(ttft_s[best]),
        tpot_s=float(decode.tpot_s),
        transfer_s=float(transfer_s[best]),
        tokens_per_s_per_gpu=per_gpu,
        usd_per_mtok=float(usd_per_mtok(1, deployment.price, per_gpu)),
        input_tokens=deployment.workload.input_tokens,
        output_tokens=deployment.workload.output_tokens,
    )


def _prefill(arch: ArchSpec, deployment: Deployment) -> tuple[Layout, np.ndarray, np.ndarray, np.ndarray]:
    """Every layout with its TTFT, infinite where a prompt does not fit, GPU seconds of a prompt, and transfer."""
    layouts = every_layout(arch, deployment)
    ready = prepare(arch, deployment, layouts)
    prompt = prompt_alone(ready.machine, deployment.engine, ready.arch, deployment.workload)
    queue_s = PREFILL_LOAD / (2 * (1 - PREFILL_LOAD)) * prompt.stall_s
    sent = transfer_s(arch, deployment, layouts)
    fits = np.asarray(ready.fits >= 1)
    first_s = deployment.engine.host.before_s(deployment.workload.input_tokens) + queue_s + prompt.own_s + sent
    ttft_s = np.where(fits, np.broadcast_to(first_s, fits.shape), np.inf)
    gpu_s = np.broadcast_to(prompt.stall_s * layouts.pp * layouts.tp / PREFILL_LOAD, fits.shape)
    return layouts, ttft_s, gpu_s * np.ones(fits.shape), np.broadcast_to(sent, fits.shape) * np.ones(fits.shape)


def transfer_s(arch: ArchSpec, deployment: Deployment, layout: Layout) -> Values:
    """Seconds in which the cache of a prompt reaches its decode unit, over the network links of tp·pp GPUs.

    Raises:
        ConfigError: The accelerator has no known network.
    """
    gpu = deployment.cluster.accelerator
    require_positive(gpu, "inter_node_bytes_per_s")
    cache = kv_bytes(arch, deployment.workload.input_tokens, deployment.cache_format(arch))
    return cache / (gpu.inter_node_bytes_per_s * layout.tp * layout.pp)


def nodes_for(tokens_per_day: float, tokens_per_s_per_node: float, seconds_per_day: float = 86_400.0) -> float:
    """Nodes that a day's tokens keep busy: tokens/day ÷ (tokens/s of a node · 86,400)."""
    return tokens_per_day / (tokens_per_s_per_node * seconds_per_day)
