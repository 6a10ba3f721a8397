"""Inverse questions: how many GPUs a load needs, and how long a context they can serve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError, require_positive
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import GpuPrice, usd_per_mtok
from optimoe.cost.serving.estimate import Deployment, ServingEstimate, evaluate
from optimoe.cost.serving.load import goodput
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.layouts import best_serving, cheapest_serving, every_layout

LARGEST_CONTEXT = 2**24


@dataclass(frozen=True, kw_only=True)
class Offer:
    """GPUs of one kind at one price.

    Attributes:
        cluster: The accelerator, and the most GPUs that one deployment may take.
        price: Of a GPU hour.
    """

    cluster: Cluster
    price: GpuPrice


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Equal deployments that carry a load together.

    Attributes:
        deployment: One of them.
        estimate: At its best batch within the limits; the fleet runs at ``utilisation`` of that.
        num_deployments: How many.
        utilisation: Load over what the fleet can carry.
        usd_per_hour: Of all its GPUs; NaN without a price.
    """

    deployment: Deployment
    estimate: ServingEstimate
    num_deployments: int
    utilisation: float
    usd_per_hour: float

    @property
    def num_gpus(self) -> int:
        """Of the whole fleet."""
        return self.num_deployments * self.deployment.cluster.num_gpus


def fleets(
    arch: ArchSpec,
    deployment: Deployment,
    offers: Sequence[Offer],
    output_tokens_per_s: float,
    percentile: float = 0.0,
) -> list[Fleet]:
    """The cheapest fleet of each offer and deployment size that carries a load within the limits.

    Deployments of 1, 2, 4, … GPUs, each with its best layout and batch; their number is the load over the
    throughput of one, rounded up. Sorted by GPUs, then by dollars: the first is the smallest fleet. With a
    percentile, requests come as a Poisson process, dealt out at random, and so many of them keep the limits;
    without, the limits are on the means of a closed system.

    Args:
        arch: The model.
        deployment: Workload, limits and engine; its cluster and price are replaced by the offers'.
        offers: Kinds of GPUs.
        output_tokens_per_s: The load: requests per second times their answer.
        percentile: Share of the requests that must keep the limits, such as 0.99; 0 for the means.

    Raises:
        ConfigError: The load is not positive.
        InfeasibleError: No deployment keeps the limits; says which binds.
        InputError: No accelerator has the precision.
    """
    if not output_tokens_per_s > 0:
        raise InfeasibleError(f"load: must be positive, got {output_tokens_per_s}")
    found = []
    for offer in offers:
        for num_gpus in _sizes(offer.cluster.num_gpus):
            one = replace(deployment, cluster=replace(offer.cluster, num_gpus=num_gpus), price=offer.price)
            estimate = _open(arch, one, percentile) if percentile else cheapest_serving(arch, one)
            if estimate is not None and estimate.tokens_per_s > 0:
                found.append(_fleet(one, estimate, output_tokens_per_s))
    if not found:
        widest = replace(deployment, cluster=offers[0].cluster, price=offers[0].price)
        if percentile:
            goodput(arch, widest, every_layout(arch, widest), percentile)
        best_serving(arch, widest)
    return sorted(found, key=lambda fleet: (fleet.num_gpus, fleet.usd_per_hour))


def longest_context(arch: ArchSpec, deployment: Deployment, concurrency: float) -> tuple[int, ServingEstimate]:
    """The longest prompt that so many requests can have within memory and limits, and how it is served.

    Bisection on whole tokens, the answer's length kept; every layout is tried at every length. At most 2²⁴.

    Raises:
        InfeasibleError: Not even a prompt of one token can be served; says what binds.
    """
    require_positive(deployment.workload, "output_tokens")

    def served(tokens: int) -> ServingEstimate | None:
        workload = replace(deployment.workload, input_tokens=tokens)
        try:
            return best_serving(arch, replace(deployment, workload=workload), concurrency=concurrency)
        except InfeasibleError:
            return None

    if served(1) is None:
        first = replace(deployment, workload=replace(deployment.workload, input_tokens=1))
        best_serving(arch, first, concurrency=concurrency)
    low, high = 1, LARGEST_CONTEXT
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if served(middle) else (low, middle)
    found = served(low)
    assert found is not None
    return low, found


def load_of(workload: Workload, *, requests_per_s: float = 0.0, tokens_per_day: float = 0.0) -> float:
    """Output tokens per second of a load stated as requests per second, or as output tokens per day."""
    return requests_per_s * workload.output_tokens + tokens_per_day / SECONDS_PER_DAY


def _open(arch: ArchSpec, one: Deployment, percentile: float) -> ServingEstimate | None:
    """The deployment at its goodput, its latency that of the percentile; none where no load keeps the limits."""
    try:
        best = goodput(arch, one, every_layout(arch, one), percentile)
    except InfeasibleError:
        return None
    estimate = evaluate(arch, one, layout=best.layout, concurrency=best.load.running * best.layout.dp)
    rate = best.requests_per_s * one.workload.output_tokens
    num_gpus = one.cluster.num_gpus
    return replace(
        estimate,
        ttft_s=best.load.ttft_s,
        tpot_s=best.load.tpot_s,
        tokens_per_s=rate,
        tokens_per_s_per_gpu=rate / num_gpus,
        usd_per_mtok=usd_per_mtok(num_gpus, one.price, rate),
    )


def _fleet(one: Deployment, estimate: ServingEstimate, output_tokens_per_s: float) -> Fleet:
    number = math.ceil(output_tokens_per_s / float(estimate.tokens_per_s))
    return Fleet(
        deployment=one,
        estimate=estimate,
        num_deployments=number,
        utilisation=output_tokens_per_s / (number * float(estimate.tokens_per_s)),
        usd_per_hour=number * one.cluster.num_gpus * one.price.usd_per_gpu_hour,
    )


def _sizes(most: int) -> list[int]:
    """1, 2, 4, … up to the most."""
    return [int(size) for size in 2 ** np.arange(int(np.log2(most)) + 1)]
